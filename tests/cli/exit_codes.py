# SPDX-License-Identifier: GPL-2.0
"""`alp run` ends as the program ended, and hands its words on as they are."""
import signal

from lab import alp
from programs import python
from runner import main


def test_exit_code_is_the_programs_own(lab):
    assert lab.run("a", alp("sh", "-c", "exit 7"), check=False).returncode == 7


def test_exit_code_is_the_programs_own_after_using_the_stack(lab):
    assert lab.run("a", alp(*python("import socket, sys; socket.socket(); sys.exit(9)")), check=False).returncode == 9


def test_death_by_a_signal_is_seen(lab):
    assert lab.run("a", alp("sh", "-c", "kill -TERM $$"), check=False).returncode == -signal.SIGTERM


def test_programs_options_are_not_taken_for_alps(lab):
    done = lab.run("a", ["alp", "run", "printf", "%s,", "--stack", "x", "-h", "--"])
    assert done.stdout == "--stack,x,-h,--,", done.stdout


def test_standard_streams_are_the_programs_own(lab):
    assert lab.run("a", alp("cat"), input="through\n").stdout == "through\n"


def test_program_without_sockets_prints_nothing_of_alpines(lab):
    done = lab.run("a", alp("echo", "hello"))
    assert (done.stdout, done.stderr) == ("hello\n", "")


def test_script_without_a_first_line_is_the_shells(lab):
    assert lab.run("a", alp(lab.write("script", "echo from sh $1\n"), "x")).stdout == "from sh x\n"


def test_dmesg_option_shows_the_stacks_boot(lab):
    done = lab.run("a", alp(*python("import socket; socket.socket()"), options=["--dmesg"]))
    assert "Linux version 6.12" in done.stderr, done.stderr[-2000:]


main()
