# SPDX-License-Identifier: GPL-2.0
"""One port, one owner: Alpine's programs and the host's never hold the same port, and rights are the host's."""
import subprocess

from lab import alp
from programs import BIND, python
from runner import main

PORT = 8080


def holds(lab, command):
    """Starts a program that prints `bound` and holds its port until its input ends."""
    holder = lab.start("a", command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    line = holder.stdout.readline().strip()
    assert line == "bound", (line, open(holder.log).read())
    return holder


def outcome(lab, command):
    done = lab.run("a", command, check=False)
    return done.stdout.strip()


def release(holder):
    holder.stdin.close()
    assert holder.wait(10) == 0


def test_host_program_cannot_bind_a_port_that_alpine_holds(lab):
    holds(lab, alp(*python(BIND, PORT)))
    assert outcome(lab, python(BIND, PORT)) == "EADDRINUSE"


def test_host_program_cannot_bind_a_port_that_alpine_holds_even_if_both_reuse_addresses(lab):
    holds(lab, alp(*python(BIND, PORT, "reuse")))
    assert outcome(lab, python(BIND, PORT, "reuse")) == "EADDRINUSE"


def test_alpine_cannot_bind_a_port_that_a_host_program_holds(lab):
    holds(lab, python(BIND, PORT))
    assert outcome(lab, alp(*python(BIND, PORT))) == "EADDRINUSE"


def test_two_alpine_programs_cannot_bind_one_port(lab):
    holds(lab, alp(*python(BIND, PORT)))
    assert outcome(lab, alp(*python(BIND, PORT))) == "EADDRINUSE"


def test_a_port_is_free_again_when_its_owner_has_ended(lab):
    release(holds(lab, alp(*python(BIND, PORT))))
    assert outcome(lab, python(BIND, PORT)) == "bound"


def test_privileged_port_is_refused_as_on_the_host(lab):
    assert outcome(lab, python(BIND, 80)) == "EACCES"
    assert outcome(lab, alp(*python(BIND, 80))) == "EACCES"


main()
