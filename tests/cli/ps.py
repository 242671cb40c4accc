# SPDX-License-Identifier: GPL-2.0
"""`alp ps`: every stack you may see, with process, user, ports, packets and drops."""
import subprocess

from lab import UNPRIVILEGED, alp
from programs import BIND, python
from refusals import check_refusal
from runner import lab_options, main

PORT = 8080


def hold_port(lab):
    holder = lab.start("a", alp(*python(BIND, PORT)), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline().strip() == "bound", open(holder.log).read()
    return holder


def test_shows_a_programs_stack_with_its_port(lab):
    holder = hold_port(lab)
    head, line = lab.run("a", ["alp", "ps"]).stdout.splitlines()
    for column in ("PID", "USER", "PROGRAM", "DEVICE", "PORTS", "IN", "OUT", "DROPS"):
        assert column in head.split(), head
    assert line.split()[0] == str(holder.pid), line
    assert "tcp/8080" in line, line


def test_root_sees_every_users_stack(lab):
    holder = hold_port(lab)
    assert str(holder.pid) in lab.run("a", ["alp", "ps"], user=False).stdout


def test_another_user_does_not_see_it(lab):
    holder = hold_port(lab)
    shown = lab.run("a", ["setpriv", "--reuid=%d" % (UNPRIVILEGED - 1), "--clear-groups", "alp", "ps"], user=False)
    assert str(holder.pid) not in shown.stdout, shown.stdout


def test_shows_only_a_head_when_nothing_runs(lab):
    assert len(lab.run("a", ["alp", "ps"]).stdout.splitlines()) == 1


@lab_options(daemon=False)
def test_daemon_not_running(lab):
    check_refusal(lab.run("a", ["alp", "ps"], check=False), 125, "alpined")


def refusals(lab, **options):
    """{(pid, reason): (user, times)}"""
    lines = lab.run("a", ["alp", "ps", "--refusals"], **options).stdout.splitlines()
    assert lines[0].split() == ["PID", "USER", "PROGRAM", "TIMES", "REASON", "LAST"], lines[0]
    return {(int(words[0]), words[4]): (words[1], int(words[3])) for words in map(str.split, lines[1:])}


# A raw socket for a protocol that the policy grants to nobody, COUNT times, by a process and then by its child.
REFUSED = """
import os, socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # one stack for both
child = os.fork()
for _ in range(int(sys.argv[1]) if child else 1):
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, 253).sendto(b"x", ("10.77.0.2", 0))
    except OSError:
        pass
if child:
    os.waitpid(child, 0)
    print(os.getpid(), child)
"""


def test_refusals_are_told_by_process_and_reason(lab):
    assert refusals(lab) == {}
    parent, child = map(int, lab.run("a", alp(*python(REFUSED, 3))).stdout.split())
    shown = refusals(lab)
    assert shown == {(parent, "EPERM"): ("nobody", 3), (child, "EPERM"): ("nobody", 1)}, shown
    assert refusals(lab, user=False) == shown
    other = lab.run("a", ["setpriv", "--reuid=%d" % (UNPRIVILEGED - 1), "--clear-groups", "alp", "ps", "--refusals"],
                    user=False).stdout
    assert len(other.splitlines()) == 1, other


def test_unknown_option(lab):
    check_refusal(lab.run("a", ["alp", "ps", "--no-such-option"], check=False), 2, "--no-such-option")


main()
