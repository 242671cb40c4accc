# SPDX-License-Identifier: GPL-2.0
"""A process with 100 connections in use forks 1,000 times: no answer is wrong or late, and nothing is left, neither tasks,
memory and descriptors inside the stack, by the stack's own /proc, nor on the host.

ALPINE_TEST_FORKS sets the number; 100 unless it does."""
import json
import os

from built import built_under_alpine
from lab import ADDRESS, ON_HOST
from programs import ECHO_SERVER, python
from runner import main
from unseen import check_unseen

PORT = 7000
FORKS = int(os.environ.get("ALPINE_TEST_FORKS", "100"))
CONNECTIONS = 100
# The stack's allocator keeps pages in its caches; a leaked task with its kernel stack would be 32 KiB for each fork.
MEMORY_KIB = 2048


def test_forks_beside_100_connections_leave_nothing(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    done = lab.run("a", built_under_alpine("forks_under_traffic", ADDRESS["b"], PORT, FORKS, CONNECTIONS), timeout=600)
    print(done.stdout, end="")
    before, after, run = map(json.loads, done.stdout.splitlines())
    assert done.stderr == "", done.stderr
    assert run["forks"] >= FORKS and run["answers_meanwhile"] >= CONNECTIONS, run
    counted = ["descriptors", "threads"]
    if not ON_HOST:  # whose kernel is everybody's
        counted += ["tasks", "sockets", "tcp", "descriptors_in_stack"]
        assert before["stack_kib_free"] - after["stack_kib_free"] < MEMORY_KIB, (before, after)
        assert after["shared_kib"] - before["shared_kib"] < MEMORY_KIB, (before, after)
    assert {name: before[name] for name in counted} == {name: after[name] for name in counted}, (before, after)


main(check_unseen)
