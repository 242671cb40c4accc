# SPDX-License-Identifier: GPL-2.0
"""ICMP and ICMPv6: errors reach the flow they quote, raw sockets get their echo replies, the host's ping goes on."""
import contextlib
import re

from lab import ADDRESS, ADDRESS6, alp, wait_until
from programs import python
from runner import main
from third_host import ADDRESS6_C, ADDRESS_C, MTU, third_host
from unseen import check_unseen

PORT = 7700
# raw_ping.py ADDRESS ID COUNT: echo requests from a raw socket; prints how many answers came.
RAW_PING = """
import errno, socket, struct, sys, time
address, ident, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
v6 = ":" in address
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) if v6 else \\
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
raw.settimeout(3)
request, reply = (128, 129) if v6 else (8, 0)
def echo(sequence):
    words = struct.pack("!BBHHH", request, 0, 0, ident, sequence)
    total = sum(struct.unpack("!4H", words))
    return words[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + words[4:]
got = 0
for sequence in range(count):
    try:
        raw.sendto(echo(sequence), (address, 0))
    except OSError as error:
        print(errno.errorcode[error.errno])
        sys.exit(1)
    while True:
        try:
            data = raw.recv(2000)[0 if v6 else 20:]
        except TimeoutError:
            break
        if data[0] == reply and struct.unpack("!HH", data[4:8]) == (ident, sequence):
            got += 1
            break
    time.sleep(0.05)
print(got, flush=True)
if sys.argv[4:]:
    sys.stdin.readline()
"""
# Refused TCP, connected UDP, and the error queue of UDP: ADDRESS PORT.
REFUSALS = """
import errno, select, socket, struct, sys
to = sys.argv[1], int(sys.argv[2])
v6 = ":" in to[0]
family = socket.AF_INET6 if v6 else socket.AF_INET
link = socket.socket(family)
print(errno.errorcode[link.connect_ex(to)])
link = socket.socket(family, socket.SOCK_DGRAM)
link.settimeout(5)
link.connect(to)
link.send(b"x")
try:
    link.recv(10)
except OSError as error:
    print(errno.errorcode[error.errno])
link = socket.socket(family, socket.SOCK_DGRAM)
link.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP, 25 if v6 else 11, 1)
link.sendto(b"who are you", to)
poll = select.poll()
poll.register(link, 0)
assert poll.poll(5000), "no error came"
data, ancillary, flags, peer = link.recvmsg(100, 200, socket.MSG_ERRQUEUE)
number, origin, kind, code = struct.unpack("=IBBB", ancillary[0][2][:7])
print(data.decode(), errno.errorcode[number], origin, kind, code, peer[0], peer[1])
"""
# COUNT.py PORT: tells every connection how many bytes it has sent, up to its end.
COUNT = """
import socket, sys
listener = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    link, peer = listener.accept()
    total = 0
    while data := link.recv(1 << 16):
        total += len(data)
    link.sendall(b"%d" % total)
    link.close()
"""
# Sends 2 MB over TCP and prints the path's MTU; then what a UDP socket that must not fragment hears.
PATH = """
import errno, socket, sys, time
to = sys.argv[1], int(sys.argv[2])
v6 = ":" in to[0]
family, level = (socket.AF_INET6, socket.IPPROTO_IPV6) if v6 else (socket.AF_INET, socket.IPPROTO_IP)
discover, do, mtu = (23, 2, 24) if v6 else (10, 2, 14)
link = socket.create_connection(to, 20)
link.sendall(bytes(2_000_000))
link.shutdown(socket.SHUT_WR)
assert link.recv(100) == b"2000000"
print(link.getsockopt(level, mtu))
link = socket.socket(family, socket.SOCK_DGRAM)
link.setsockopt(level, discover, do)
link.connect(to[:1] + (9,))
answers = []
for _ in range(20):
    try:
        link.send(bytes(1400))
    except OSError as error:
        answers.append(errno.errorcode[error.errno])
        break
    time.sleep(0.1)
print(*answers, link.getsockopt(level, mtu))
"""


@contextlib.contextmanager
def choosing_ids(lab):
    """Users of host a may choose the ids of their echo requests, as Debian has it; where it is for root only."""
    name = "net.ipv4.ping_group_range"
    before = lab.run("a", ["sysctl", "-n", name], user=False).stdout.strip()
    lab.run("a", ["sysctl", "-qw", name + "=0 2147483647"], user=False)
    try:
        yield
    finally:
        lab.run("a", ["sysctl", "-qw", "%s=%s" % (name, before)], user=False)


def traceroute(lab, *options):
    return lab.run("a", alp("traceroute", "-n", "-q", "2", "-w", "2", "-m", "4", *options)).stdout


def check_hops(shown, hops):
    lines = shown.splitlines()[-len(hops):]
    for line, hop in zip(lines, hops):
        assert hop in line and "*" not in line, shown


def test_traceroute_shows_both_hops(lab):
    with third_host(lab):
        check_hops(traceroute(lab, ADDRESS_C), [ADDRESS["b"], ADDRESS_C])
        check_hops(traceroute(lab, ADDRESS6_C), [ADDRESS6["b"], ADDRESS6_C])


def test_traceroute_by_echo_requests_shows_both_hops(lab):
    with third_host(lab), choosing_ids(lab):
        check_hops(traceroute(lab, "-I", ADDRESS_C), [ADDRESS["b"], ADDRESS_C])
        check_hops(traceroute(lab, "-I", ADDRESS6_C), [ADDRESS6["b"], ADDRESS6_C])


def test_mtr_loses_nothing(lab):
    with third_host(lab):
        for hops in ([ADDRESS["b"], ADDRESS_C], [ADDRESS6["b"], ADDRESS6_C]):
            shown = lab.run("a", alp("mtr", "-n", "-r", "-c", "3", "-i", "0.3", hops[1]), user=False).stdout
            found = re.findall(r"\|-- (\S+) +0\.0% +3 ", shown)
            assert found == hops, shown


def test_tracepath_finds_the_smaller_mtu(lab):
    with third_host(lab):
        for address in ADDRESS_C, ADDRESS6_C:
            shown = lab.run("a", alp("tracepath", "-n", "-m", "5", address)).stdout
            assert re.search(r"Resume: pmtu %d hops 2 back 2" % MTU, shown), shown


def test_the_paths_mtu_is_learnt_from_the_hop_that_has_it(lab):
    with third_host(lab) as start:
        start(python(COUNT, PORT))
        for address in ADDRESS_C, ADDRESS6_C:
            wait_until(lambda: lab.answers("a", address, PORT), "c listens")
            lab.run("a", ["sh", "-c", "ip route flush cache; ip -6 route flush cache"], user=False)
            shown = lab.run("a", alp(*python(PATH, address, PORT))).stdout.splitlines()
            assert shown == [str(MTU), "EMSGSIZE %d" % MTU], shown


def test_refusals_of_a_remote_host_are_heard(lab):
    for address, error in ((ADDRESS["b"], "2 3 3"), (ADDRESS6["b"], "3 1 4")):
        shown = lab.run("a", alp(*python(REFUSALS, address, 9))).stdout.splitlines()
        assert shown == ["ECONNREFUSED", "ECONNREFUSED",
                         "who are you ECONNREFUSED %s %s 9" % (error, address)], shown


def test_a_raw_socket_gets_the_answers_to_its_echo_requests(lab):
    with choosing_ids(lab):
        for address in ADDRESS["b"], ADDRESS6["b"]:
            assert lab.run("a", alp(*python(RAW_PING, address, 777, 5))).stdout == "5\n"


def test_a_user_chooses_no_id_where_the_host_lets_him_not(lab):
    for address in ADDRESS["b"], ADDRESS6["b"]:
        refused = lab.run("a", alp(*python(RAW_PING, address, 777, 1)), check=False)
        assert refused.stdout == "EPERM\n", refused
        assert lab.run("a", alp(*python(RAW_PING, address, 777, 1)), user=False).stdout == "1\n"


def test_the_hosts_ping_with_the_same_id_is_undisturbed(lab):
    for address in ADDRESS["b"], ADDRESS6["b"]:
        with choosing_ids(lab):
            running = [lab.start("a", alp(*python(RAW_PING, address, 777, 20))),
                       lab.start("a", python(RAW_PING, address, 777, 20), user=False)]
            for process in running:
                assert process.wait(30) == 0
                assert open(process.log).read() == "20\n"
    shown = lab.run("a", ["ping", "-n", "-c", "3", "-i", "0.2", ADDRESS["b"]], user=False).stdout
    assert " 3 received" in shown, shown


def test_an_id_that_another_stack_has_is_refused(lab):
    with choosing_ids(lab):
        holder = lab.start("a", alp(*python(RAW_PING, ADDRESS["b"], 778, 1, "hold")), stdin=-1, stdout=-1)
        assert holder.stdout.readline() == "1\n"
        for user in True, False:
            refused = lab.run("a", alp(*python(RAW_PING, ADDRESS["b"], 778, 1)), user=user, check=False)
            assert refused.stdout == "EPERM\n", refused


main(check_unseen)
