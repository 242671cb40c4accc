# SPDX-License-Identifier: GPL-2.0
"""Multicast and broadcast, received and sent, beside members on the host."""
from lab import ADDRESS, ADDRESS6, alp, wait_until
from programs import python
from runner import main
from unseen import counters

PORT = 7900
GROUP, GROUP6 = "239.77.0.1", "ff05::77"
# member.py GROUP PORT OWN: joins (or takes broadcasts, if OWN is "-") and prints what comes.
MEMBER = """
import socket, struct, sys
group, port, own = sys.argv[1], int(sys.argv[2]), sys.argv[3]
v6 = ":" in group
link = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
link.bind(("", port))
if v6:
    link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + bytes(4))
elif own != "-":
    link.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(own))
print("ready", flush=True)
while True:
    data, peer = link.recvfrom(2000)
    print(data.decode(), "from", peer[0], flush=True)
"""
# send.py TO PORT OWN WORD
SEND = """
import socket, sys
to, port, own, word = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
v6 = ":" in to
link = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
if v6:
    link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 4)
elif not to.endswith("255"):
    link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
link.sendto(word.encode(), (to, port))
"""


def member(lab, host, group, own, under_alpine=False):
    command = python(MEMBER, group, PORT, own)
    process = lab.start(host, alp(*command) if under_alpine else command)
    wait_until(lambda: "ready" in open(process.log).read(), "the member is ready", timeout=20)
    return process


def heard(process):
    return open(process.log).read().splitlines()[1:]


def check_heard(members, word, source):
    for process in members:
        wait_until(lambda: heard(process) == ["%s from %s" % (word, source)], "a member hears it once: %s" % heard(process))


def check_received(lab, group, addresses):
    members = [member(lab, "a", group, addresses["a"], True), member(lab, "a", group, addresses["a"], True),
               member(lab, "a", group, addresses["a"])]
    lab.run("b", python(SEND, group, PORT, addresses["b"], "hello"))
    check_heard(members, "hello", addresses["b"])


def test_a_group_reaches_all_stacks_and_the_host(lab):
    check_received(lab, GROUP, ADDRESS)


def test_an_ipv6_group_reaches_all_stacks_and_the_host(lab):
    check_received(lab, GROUP6, ADDRESS6)


def test_the_host_is_in_the_group_as_long_as_the_stack_is(lab):
    def is_in(group):
        return group in lab.run("a", ["ip", "maddr", "show", "dev", "eth0"]).stdout
    members = member(lab, "a", GROUP, ADDRESS["a"], True), member(lab, "a", GROUP6, "", True)
    assert is_in(GROUP) and is_in(GROUP6)
    for process in members:
        lab.stop(process)
    wait_until(lambda: not is_in(GROUP) and not is_in(GROUP6), "the host has left")


def test_who_has_not_joined_hears_nothing(lab):
    other = member(lab, "a", "239.77.0.2", ADDRESS["a"], True)
    joined = member(lab, "a", GROUP, ADDRESS["a"], True)
    lab.run("b", python(SEND, GROUP, PORT, ADDRESS["b"], "hello"))
    check_heard([joined], "hello", ADDRESS["b"])
    assert heard(other) == []


def test_a_stack_sends_to_groups(lab):
    for group, addresses in ((GROUP, ADDRESS), (GROUP6, ADDRESS6)):
        members = [member(lab, "b", group, addresses["b"])]
        lab.run("a", alp(*python(SEND, group, PORT, addresses["a"], "hello")))
        check_heard(members, "hello", addresses["a"])
        for process in members:
            lab.stop(process)


def check_heard_within_the_host(lab, group, addresses):
    """By stacks, whether the host sends or a stack."""
    for send in python, lambda *program: alp(*python(*program)):
        members = [member(lab, "a", group, addresses["a"], True), member(lab, "a", group, addresses["a"], True)]
        lab.run("a", send(SEND, group, PORT, addresses["a"], "hello"))
        check_heard(members, "hello", addresses["a"])
        for process in members:
            lab.stop(process)


def test_a_group_is_heard_within_the_host(lab):
    check_heard_within_the_host(lab, GROUP, ADDRESS)


def test_an_ipv6_group_is_heard_within_the_host(lab):
    check_heard_within_the_host(lab, GROUP6, ADDRESS6)


def test_broadcasts_reach_all_stacks_and_the_host(lab):
    members = [member(lab, "a", "-", "-", True), member(lab, "a", "-", "-", True), member(lab, "a", "-", "-")]
    lab.run("b", python(SEND, "10.77.0.255", PORT, "", "hello"))
    check_heard(members, "hello", ADDRESS["b"])


def test_a_stack_sends_broadcasts(lab):
    server = member(lab, "b", "-", "-")
    lab.run("a", alp(*python(SEND, "10.77.0.255", PORT, "", "hello")))
    check_heard([server], "hello", ADDRESS["a"])


def test_dummies_keep_nothing_of_what_the_host_gets(lab):
    member(lab, "a", "-", "-", True)
    for _ in range(50):
        lab.run("b", python(SEND, "10.77.0.255", PORT, "", "x" * 1000))
    queues = lab.run("a", ["ss", "-Huan", "sport", "=", ":%d" % PORT], user=False).stdout.split()
    assert queues[1] == "0", queues
    assert counters(lab, "a", "Udp")["RcvbufErrors"] == 0


main()
