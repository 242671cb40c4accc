# SPDX-License-Identifier: GPL-2.0
"""Multicast and broadcast, received and sent, beside members on the host."""
import time

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


# Joins three groups, one of them for one source alone, hands the socket on in one of three ways, and lets go of it
# itself; who has it then prints what comes.
HEIR = """
import os, socket, sys
way, group, only, source, group6, own, port = sys.argv[1:]
LISTEN = (
    "import socket, sys\\n"
    "link = socket.socket(fileno=int(sys.argv[1]))\\n"
    "print('ready', flush=True)\\n"
    "while (word := link.recv(100).decode()) != 'end': print(word, flush=True)"
)
near, far = socket.socketpair(socket.AF_UNIX)
taker = os.fork() if way == "message" else 0
if way == "message" and taker == 0:
    link = socket.recv_fds(far, 1, 1)[1][0]
    sys.argv[1] = str(link)
    exec(LISTEN)
    os._exit(0)
link = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
link.bind(("::", int(port)))
link.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(own))
link.setsockopt(socket.IPPROTO_IP, 39, socket.inet_aton(only) + socket.inet_aton(own) + socket.inet_aton(source))
link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group6) + bytes(4))
if way == "message":
    socket.send_fds(near, [b"x"], [link.fileno()])
    link.close()
    os.wait()
elif way == "fork":
    if os.fork() == 0:
        sys.argv[1] = str(link.detach())
        exec(LISTEN)
        os._exit(0)
    link.close()
    os.wait()
else:
    link.set_inheritable(True)
    os.execv(sys.executable, [sys.executable, "-c", LISTEN, str(link.fileno())])
"""


def check_handed_on(lab, way):
    def is_in(group):
        return group in lab.run("a", ["ip", "maddr", "show", "dev", "eth0"]).stdout
    groups = GROUP, "232.77.0.2", GROUP6
    heir = lab.start("a", alp(*python(HEIR, way, *groups[:2], ADDRESS["b"], GROUP6, ADDRESS["a"], PORT)))
    wait_until(lambda: "ready" in open(heir.log).read(), "the heir is ready", timeout=20)
    time.sleep(0.5)  # were the host to leave, it would by now
    for group, own in zip(groups, (ADDRESS["b"], ADDRESS["b"], ADDRESS6["b"])):
        assert is_in(group), group
        lab.run("b", python(SEND, group, PORT, own, "to " + group))
    wait_until(lambda: heard(heir) == ["to " + group for group in groups], "the heir hears all: %s" % heard(heir))
    lab.run("b", python(SEND, GROUP, PORT, ADDRESS["b"], "end"))
    assert heir.wait(timeout=10) == 0
    wait_until(lambda: not any(map(is_in, groups)), "the host has left")


def test_a_forked_child_is_in_its_parents_groups(lab):
    check_handed_on(lab, "fork")


def test_a_program_after_exec_is_in_the_groups_of_its_sockets(lab):
    check_handed_on(lab, "exec")


def test_a_socket_sent_to_another_process_is_in_its_groups(lab):
    check_handed_on(lab, "message")


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
    """By stacks and by the host's programs, once, whether the host sends or a stack."""
    for send in python, lambda *program: alp(*python(*program)):
        own = "-" if group.endswith("255") else addresses["a"]
        members = [member(lab, "a", group, own, True), member(lab, "a", group, own, True), member(lab, "a", group, own)]
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


def test_a_broadcast_is_heard_within_the_host(lab):
    check_heard_within_the_host(lab, "10.77.0.255", ADDRESS)


# As if it were on the link: with its own TTL, by the device it leaves by.
SEE_PACKET = """
import socket, struct
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.bind(("", %d))
link.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("%s") + socket.inet_aton("%s"))
link.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
link.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
print("ready", flush=True)
data, notes, flags, peer = link.recvmsg(2000, 200)
notes = {kind: value for level, kind, value in notes}
print(struct.unpack("i", notes[socket.IP_TTL])[0], socket.if_indextoname(struct.unpack("i", notes[8][:4])[0]), flush=True)
"""


def test_the_hosts_programs_see_the_packet_as_it_is_on_the_link(lab):
    process = lab.start("a", python(SEE_PACKET % (PORT, GROUP, ADDRESS["a"])))
    wait_until(lambda: "ready" in open(process.log).read(), "the member is ready")
    lab.run("a", alp(*python(SEND, GROUP, PORT, ADDRESS["a"], "hello")))
    wait_until(lambda: heard(process) == ["1 eth0"], "the member sees it")


# The IPv4 and UDP headers and four bytes, made by hand: forge.py SOURCE TO PORT WORD, from a raw socket of root's.
FORGE = """
import socket, struct, sys
source, to, port, word = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].encode()
udp = struct.pack("!HHHH", 4711, port, 8 + len(word), 0) + word
header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 9, 17, 0, socket.inet_aton(source), socket.inet_aton(to))
link = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("%s"))
link.sendto(header + udp, (to, 0))
"""


def test_the_host_still_takes_nothing_from_outside_in_its_own_name(lab):
    members = [member(lab, "a", GROUP, ADDRESS["a"]), member(lab, "a", GROUP, ADDRESS["a"], True)]
    for to in ADDRESS["a"], GROUP:
        lab.run("b", python(FORGE % ADDRESS["b"], ADDRESS["a"], to, PORT, "forged"), user=False)
        lab.run("b", python(FORGE % ADDRESS["b"], ADDRESS["b"], to, PORT, "true"), user=False)
    # To an address of its own: a socket of the host's and one of a stack's with one port; who has it is not asked here.
    wait_until(lambda: all("true from 10.77.0.2" in heard(process) for process in members), "the members hear b")
    assert all("forged" not in line for process in members for line in heard(process))


def test_dummies_keep_nothing_of_what_the_host_gets(lab):
    member(lab, "a", "-", "-", True)
    for _ in range(50):
        lab.run("b", python(SEND, "10.77.0.255", PORT, "", "x" * 1000))
    queues = lab.run("a", ["ss", "-Huan", "sport", "=", ":%d" % PORT], user=False).stdout.split()
    assert queues[1] == "0", queues
    assert counters(lab, "a", "Udp")["RcvbufErrors"] == 0


main()
