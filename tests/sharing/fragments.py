# SPDX-License-Identifier: GPL-2.0
"""Datagrams of 60,000 bytes in both directions, in order and out of order."""
import os
import random

from lab import ADDRESS, ADDRESS6, alp, wait_until
from programs import PYTHON, python
from runner import main
from unseen import check_unseen

PORT = 7600
# Answers each datagram with its bytes turned round.
TURN = """
import socket, sys
link = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
link.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    data, peer = link.recvfrom(65535)
    link.sendto(data[::-1], peer)
"""
ASK = """
import os, socket, sys
link = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
link.settimeout(5)
for _ in range(5):
    data = os.urandom(60000)
    link.sendto(data, (sys.argv[1], int(sys.argv[2])))
    assert link.recv(65535) == data[::-1]
print("right")
"""
# Prints length and hash of what comes.
TELL = """
import hashlib, socket, sys
link = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
link.bind(("::", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, peer = link.recvfrom(65535)
    print(len(data), hashlib.sha256(data).hexdigest(), flush=True)
"""
# A datagram in pieces made by hand, sent in the order given: FROM TO PORT SEED ORDER; prints what TELL should.
PIECES = """
import hashlib, random, socket, struct, sys
source, target, port, seed, order = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
v6 = ":" in source
family = socket.AF_INET6 if v6 else socket.AF_INET
rng = random.Random(seed)
payload = rng.randbytes(60000)
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff or 0xffff
addresses = socket.inet_pton(family, source) + socket.inet_pton(family, target)
length = 8 + len(payload)
pseudo = addresses + (struct.pack("!IxxxB", length, 17) if v6 else struct.pack("!xBH", 17, length))
header = struct.pack("!HHHH", 4444, port, length, 0)
data = header[:6] + struct.pack("!H", checksum(pseudo + header + payload)) + payload
size = 1400
pieces = []
for at in range(0, len(data), size):
    part, more = data[at:at + size], at + size < len(data)
    if v6:
        fragment = struct.pack("!BBHI", 17, 0, at | more, seed)
        head = struct.pack("!IHBB", 6 << 28, 8 + len(part), 44, 64) + addresses
        pieces.append(head + fragment + part)
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), seed & 0xffff, at // 8 | more << 13, 64, 17, 0)
        pieces.append(head + addresses + part)
if order == "reversed":
    pieces.reverse()
elif order == "shuffled":
    rng.shuffle(pieces)
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
for piece in pieces:
    raw.sendto(piece, (target, 0))
print(len(payload), hashlib.sha256(payload).hexdigest())
"""


def ready(lab, host, command):
    server = lab.start(host, command)
    wait_until(lambda: "ready" in open(server.log).read(), "the server is ready", timeout=20)
    return server


def check_both_ways(lab, server, address):
    client = "b" if server == "a" else "a"
    run = {"a": lambda command: alp(*command), "b": lambda command: command}
    ready(lab, server, run[server](python(TURN, address[server], PORT)))
    assert lab.run(client, run[client](python(ASK, address[server], PORT))).stdout == "right\n"


def test_big_datagrams_are_served_over_ipv4(lab):
    check_both_ways(lab, "a", ADDRESS)


def test_big_datagrams_are_served_over_ipv6(lab):
    check_both_ways(lab, "a", ADDRESS6)


def test_big_datagrams_are_asked_over_ipv4(lab):
    check_both_ways(lab, "b", ADDRESS)


def test_big_datagrams_are_asked_over_ipv6(lab):
    check_both_ways(lab, "b", ADDRESS6)


def check_order(lab, address, order):
    server = ready(lab, "a", alp(*python(TELL, PORT)))
    expected = []
    for seed in range(1, 6):
        made = lab.run("b", python(PIECES, address["b"], address["a"], PORT, seed, order), user=False)
        expected.append(made.stdout.strip())
    wait_until(lambda: open(server.log).read().splitlines()[1:] == expected, "all %d arrive %s" % (len(expected), order))


def test_pieces_made_by_hand_arrive_in_order(lab):
    check_order(lab, ADDRESS, "straight")


def test_pieces_arrive_in_reverse_order_over_ipv4(lab):
    check_order(lab, ADDRESS, "reversed")


def test_pieces_arrive_in_reverse_order_over_ipv6(lab):
    check_order(lab, ADDRESS6, "reversed")


def test_pieces_arrive_in_any_order_over_ipv4(lab):
    check_order(lab, ADDRESS, "shuffled")


def test_pieces_arrive_in_any_order_over_ipv6(lab):
    check_order(lab, ADDRESS6, "shuffled")


def test_the_hosts_own_datagrams_arrive_in_any_order(lab):
    server = ready(lab, "a", python(TELL, PORT))
    made = lab.run("b", python(PIECES, ADDRESS["b"], ADDRESS["a"], PORT, 7, "shuffled"), user=False)
    wait_until(lambda: made.stdout in open(server.log).read(), "the host's program gets it")


main(check_unseen)
