# SPDX-License-Identifier: GPL-2.0
"""A bare LD_PRELOAD=libalpine.so refuses as `alp run` does, at the first socket, and never falls back to the host's stack."""
import os
import subprocess

from programs import python
from refusals import check_refusal
from runner import lab_options, main

CANNOT_START = 125
SOCKET = python("import socket; socket.socket(); print('fell back')")


def preload(lab):
    # Where the tests' user sees the build folder is the lab's business: ask alp's own location.
    found = lab.run("a", ["sh", "-c", 'dirname "$(dirname "$(command -v alp)")"']).stdout.strip()
    return os.path.join(found, "lib", "libalpine.so")


def run_preloaded(lab, command, env=None):
    return lab.run("a", ["env", "LD_PRELOAD=" + preload(lab), *command], check=False, env=env)


@lab_options(daemon=False)
def test_daemon_not_running(lab):
    check_refusal(run_preloaded(lab, SOCKET), CANNOT_START, "alpined")


@lab_options(daemon=False)
def test_program_without_sockets_runs_without_a_daemon(lab):
    done = run_preloaded(lab, ["echo", "ran"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", ""), done


@lab_options(daemon=False)
def test_program_that_forks_and_has_no_sockets_runs_without_a_daemon(lab):
    done = run_preloaded(lab, ["sh", "-c", "(echo one); true | cat; echo two"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\ntwo\n", ""), done


@lab_options(daemon=False)
def test_daemon_not_running_for_a_forked_child(lab):
    check_refusal(run_preloaded(lab, ["sh", "-c", '"$0" "$@" & wait $!', *SOCKET]), CANNOT_START, "alpined")


def test_unknown_stack(lab):
    check_refusal(run_preloaded(lab, SOCKET, {"ALPINE_STACK": "linux-0.99"}), CANNOT_START, "linux-0.99")


def test_bare_preload_runs_on_the_stack(lab):
    show = python("import socket; s = socket.socket(); s.setsockopt(6, socket.TCP_CONGESTION, b'vegas'); print('ran')")
    done = run_preloaded(lab, show)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", ""), done


@lab_options(daemon=False)
def test_a_socket_squatted_by_another_user_is_not_believed(lab):
    squat = ("import socket, time\ns = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
             "s.bind('\\0alpined')\ns.listen()\nprint('listening', flush=True)\ntime.sleep(60)\n")
    squatter = lab.start("a", ["setpriv", "--reuid=1234", "--clear-groups", *python(squat)], user=False,
                         stdout=subprocess.PIPE)
    assert squatter.stdout.readline() == "listening\n"
    check_refusal(run_preloaded(lab, SOCKET), CANNOT_START)


main()
