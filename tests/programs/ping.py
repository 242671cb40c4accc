# SPDX-License-Identifier: GPL-2.0
"""ping, unprivileged under Alpine, is answered by another host; host a's own kernel sends no echo request."""
import re

from lab import ADDRESS, ADDRESS6, alp
from runner import main
from unseen import check_unseen, counters


def ping(*options):
    return alp("ping", "-n", "-i", "0.2", *options)


def check_received(shown, count):
    assert re.search(r"%d packets transmitted, %d received, 0%% packet loss" % (count, count), shown), shown


def check(lab):
    assert counters(lab, "a", "Icmp")["OutEchos"] == 0
    check_unseen(lab)


def test_is_answered_over_ipv4(lab):
    check_received(lab.run("a", ping("-c", "3", ADDRESS["b"])).stdout, 3)
    assert counters(lab, "b", "Icmp")["InEchos"] == 3


def test_is_answered_over_ipv6(lab):
    check_received(lab.run("a", ping("-c", "3", ADDRESS6["b"])).stdout, 3)


def test_big_requests_go_and_come_in_fragments(lab):
    check_received(lab.run("a", ping("-c", "3", "-s", "4000", ADDRESS["b"])).stdout, 3)


def test_two_at_once_each_get_their_own_answers(lab):
    running = [lab.start("a", ping("-c", "10", ADDRESS["b"])) for _ in range(2)]
    for process in running:
        assert process.wait(30) == 0, open(process.log).read()
        check_received(open(process.log).read(), 10)


def test_reports_an_address_that_nobody_has(lab):
    done = lab.run("a", ping("-c", "2", "-W", "2", "10.77.0.99"), check=False)
    assert done.returncode == 1 and " 0 received" in done.stdout, done


main(check)
