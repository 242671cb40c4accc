# SPDX-License-Identifier: GPL-2.0
"""UDP-Lite and DCCP by port, and a protocol without ports for the users to whom the policy grants it."""
from lab import ADDRESS, ADDRESS6, UNPRIVILEGED, alp, wait_until
from programs import python
from runner import lab_options, main

PORT = 7800
UDPLITE = """
import socket, sys
link = socket.socket(socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET, socket.SOCK_DGRAM, 136)
link.settimeout(10)
if sys.argv[1] == "serve":
    link.bind((sys.argv[2], int(sys.argv[3])))
    print("ready", flush=True)
    data, peer = link.recvfrom(2000)
    link.sendto(data[::-1], peer)
else:
    link.sendto(b"lite", (sys.argv[2], int(sys.argv[3])))
    print(link.recv(2000).decode())
"""
# SOCK_DCCP is 6, IPPROTO_DCCP 33; DCCP_SOCKOPT_SERVICE is 2 of level SOL_DCCP (269).
DCCP = """
import socket, struct, sys
link = socket.socket(socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET, 6, 33)
link.setsockopt(269, 2, struct.pack("!I", 1234))
link.settimeout(20)
if sys.argv[1] == "serve":
    link.bind((sys.argv[2], int(sys.argv[3])))
    link.listen(5)
    print("ready", flush=True)
    peer, address = link.accept()
    peer.settimeout(20)
    for _ in range(20):
        peer.send(peer.recv(2000)[::-1])
    peer.recv(2000)
else:
    link.connect((sys.argv[2], int(sys.argv[3])))
    for i in range(20):
        link.send(b"datagram %d" % i)
        assert link.recv(2000) == (b"datagram %d" % i)[::-1]
    print("done")
"""
# raw.py PROTOCOL serve|ask ADDRESS
RAW = """
import errno, socket, sys
protocol, verb, address = int(sys.argv[1]), sys.argv[2], sys.argv[3]
v6 = ":" in address
raw = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, protocol)
raw.settimeout(5)
try:
    if verb == "serve":
        print("ready", flush=True)
        data, peer = raw.recvfrom(2000)
        raw.sendto(b"bare answer", peer[:1] + (0,))
    else:
        raw.sendto(b"bare question", (address, 0))
        print(raw.recv(2000)[0 if v6 else 20:].decode())
except OSError as error:
    print(errno.errorcode.get(error.errno, error))
"""


def start(lab, host, command, user=True):
    server = lab.start(host, command, user=user)
    wait_until(lambda: "ready" in open(server.log).read(), "the server is ready", timeout=20)


def test_udplite_is_served_and_asked(lab):
    for address in ADDRESS, ADDRESS6:
        start(lab, "a", alp(*python(UDPLITE, "serve", address["a"], PORT)))
        assert lab.run("b", python(UDPLITE, "ask", address["a"], PORT)).stdout == "etil\n"
        start(lab, "b", python(UDPLITE, "serve", address["b"], PORT))
        assert lab.run("a", alp(*python(UDPLITE, "ask", address["b"], PORT))).stdout == "etil\n"


@lab_options(both=True)
def test_dccp_connects_two_hosts_whatever_their_kernels_have(lab):
    for address in ADDRESS, ADDRESS6:
        start(lab, "a", alp(*python(DCCP, "serve", address["a"], PORT)))
        assert lab.run("b", alp(*python(DCCP, "ask", address["a"], PORT))).stdout == "done\n"


def grant(lab, users):
    policy = lab.write("policy.toml", "[protocols]\n253 = %s\n" % users, 0o644)
    lab.daemon("stop")
    lab.daemon("start", "a", "--policy", policy)


def test_a_granted_protocol_is_served_and_asked(lab):
    grant(lab, "[%d]" % UNPRIVILEGED)
    for address in ADDRESS, ADDRESS6:
        start(lab, "a", alp(*python(RAW, 253, "serve", address["a"])))
        assert lab.run("b", python(RAW, 253, "ask", address["a"]), user=False).stdout == "bare answer\n"
        start(lab, "b", python(RAW, 253, "serve", address["b"]), user=False)
        assert lab.run("a", alp(*python(RAW, 253, "ask", address["b"]))).stdout == "bare answer\n"


def test_a_protocol_that_is_not_granted_is_refused_to_the_sender(lab):
    assert lab.run("a", alp(*python(RAW, 253, "ask", ADDRESS["b"]))).stdout == "EPERM\n"
    grant(lab, "[%d]" % (UNPRIVILEGED - 1))
    assert lab.run("a", alp(*python(RAW, 253, "ask", ADDRESS["b"]))).stdout == "EPERM\n"
    assert "does not grant protocol 253 to user %d" % UNPRIVILEGED in lab.daemon("log")


main()
