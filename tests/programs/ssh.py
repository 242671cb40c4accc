# SPDX-License-Identifier: GPL-2.0
"""The ssh client under Alpine on a host kernel's sshd: commands, files, a terminal, a forwarded port."""
import os

from lab import ADDRESS, alp
from payload import make_file, make_folder, sha256_of
from programs import ECHO_CLIENTS, ECHO_SERVER, python
from runner import main
from sshd import client_config, start_sshd
from terminal import Terminal
from unseen import check_unseen

PORT = 2222


def ssh(config, *words):
    return alp("ssh", "-F", config, *words)


def prepare(lab):
    start_sshd(lab, "b", PORT)
    return client_config(lab, ADDRESS["b"], PORT)


def test_command_runs_on_the_server(lab):
    config = prepare(lab)
    done = lab.run("a", ssh(config, "server", "cat; echo $SSH_CONNECTION >&2; exit 7"), input="from a\n" * 1000,
                   check=False)
    assert done.returncode == 7, done
    assert done.stdout == "from a\n" * 1000
    assert done.stderr.split()[0::2] == [ADDRESS["a"], ADDRESS["b"]], done.stderr


def test_scp_carries_a_file_both_ways(lab):
    config, folder = prepare(lab), make_folder(lab, "got")
    digest = make_file(lab, "file", 8_000_000)
    lab.run("a", alp("scp", "-qF", config, lab.path("file"), "server:" + os.path.join(folder, "there")))
    lab.run("a", alp("scp", "-qF", config, "server:" + os.path.join(folder, "there"), os.path.join(folder, "back")))
    assert sha256_of(os.path.join(folder, "there")) == sha256_of(os.path.join(folder, "back")) == digest


def test_terminal_shows_what_the_remote_shell_answers(lab):
    config = prepare(lab)
    terminal = Terminal(lab, "a", ssh(config, "-t", "server", "cat -A"))
    for word in ("first", "second"):
        terminal.type(word + "\n")
        terminal.expect(word + "$")
    terminal.type("\x04")
    assert terminal.wait() == 0


def test_forwarded_port_carries_20_connections(lab):
    config = prepare(lab)
    lab.start_listener("b", python(ECHO_SERVER, 7000), 7000)
    lab.start_listener("a", ssh(config, "-N", "-g", "-L", "0.0.0.0:7001:%s:7000" % ADDRESS["b"], "server"), 7001)
    lab.run("b", python(ECHO_CLIENTS, ADDRESS["a"], 7001, 20, 10))


main(check_unseen)
