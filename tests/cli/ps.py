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


def test_unknown_option(lab):
    check_refusal(lab.run("a", ["alp", "ps", "--no-such-option"], check=False), 2, "--no-such-option")


main()
