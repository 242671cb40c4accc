# SPDX-License-Identifier: GPL-2.0
"""sshd, which starts itself anew for each connection and splits itself there, and dropbear, which forks: under Alpine, with
20 scp of host b at once, commands, and sessions that outlive their server's listener."""
import os
import signal
import subprocess

from lab import ADDRESS, wait_until
from payload import make_file, make_folder, sha256_of
from runner import main
from sshd import client_config, start_dropbear, start_unprivileged_sshd
from unseen import check_unseen

PORT = 2222
COPIES = 20
SIZE = 1_000_000


def copy_all(lab, config, options, pairs):
    """Each pair (from, to) by an scp of its own, all of them at once."""
    running = [lab.start("b", ["scp", "-qF", config, *options, *pair]) for pair in pairs]
    for scp in running:
        assert scp.wait(120) == 0, open(scp.log).read()


def check_copies(lab, start, at_once=COPIES, options=()):
    start(lab, "a", PORT)
    config, folder = client_config(lab, ADDRESS["a"], PORT), make_folder(lab, "got")
    digests = {"file%d" % i: make_file(lab, "file%d" % i, SIZE + i) for i in range(COPIES)}
    there = {name: os.path.join(folder, name) for name in digests}
    back = {name: os.path.join(folder, name + ".back") for name in digests}
    for pairs in ([(lab.path(name), "server:" + there[name]) for name in digests],
                  [("server:" + there[name], back[name]) for name in digests]):
        for i in range(0, COPIES, at_once):
            copy_all(lab, config, options, pairs[i:i + at_once])
    for name, digest in digests.items():
        assert sha256_of(there[name]) == sha256_of(back[name]) == digest, name


def check_session(lab, start):
    server = start(lab, "a", PORT)
    config = client_config(lab, ADDRESS["a"], PORT)
    done = lab.run("b", ["ssh", "-F", config, "server", "cat; echo $SSH_CONNECTION >&2; exit 7"],
                   input="from b\n" * 1000, check=False)
    assert done.returncode == 7 and done.stdout == "from b\n" * 1000, done
    assert done.stderr.split()[-4::2] == [ADDRESS["b"], ADDRESS["a"]], done.stderr
    # A session goes on when the server that accepted it, and made the stack, has gone.
    session = lab.start("b", ["ssh", "-F", config, "server", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    session.stdin.write("before\n")
    session.stdin.flush()
    assert session.stdout.readline() == "before\n"
    lab.stop(server, signal.SIGTERM)
    wait_until(lambda: not lab.answers("b", ADDRESS["a"], PORT), "nothing listens any more")
    session.stdin.write("after\n")
    session.stdin.close()
    assert session.stdout.read() == "after\n"
    assert session.wait(20) == 0, open(session.log).read()


def test_sshd_takes_and_gives_20_files_at_once(lab):
    check_copies(lab, start_unprivileged_sshd)


def test_dropbear_takes_and_gives_20_files(lab):
    # It lets no more than five of one address be strangers at a time, and has scp do the transfer (-O).
    check_copies(lab, start_dropbear, at_once=4, options=["-O"])


def test_an_sshd_session_outlives_its_server(lab):
    check_session(lab, start_unprivileged_sshd)


def test_a_dropbear_session_outlives_its_server(lab):
    check_session(lab, start_dropbear)


main(check_unseen)
