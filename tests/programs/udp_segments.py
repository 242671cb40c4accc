# SPDX-License-Identifier: GPL-2.0
"""Datagrams handed over by the bundle (UDP_SEGMENT) and taken so (UDP_GRO): what arrives, and that the bundle passes the
wire whole."""
import json
import subprocess

from lab import ADDRESS, ADDRESS6, alp, on
from programs import python
from runner import main

PORT = 7600
SEGMENT, LAST, SEGMENTS, BUNDLES = 1200, 300, 40, 20

# sender.py ADDRESS PORT: prints how many packets the devices of its stack have sent meanwhile.
SENDER = f"""
import json, socket, sys, time
def sent():
    with open("/proc/net/dev") as file:
        return sum(int(line.split(":")[1].split()[9]) for line in list(file)[2:] if not line.strip().startswith("lo:"))
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.connect((sys.argv[1], int(sys.argv[2])))
s.setsockopt(17, 103, {SEGMENT})
before = sent()
for number in range({BUNDLES}):
    s.send(bytes([number]) * ({SEGMENT} * {SEGMENTS} + {LAST}))
    time.sleep(0.02)
print(json.dumps(sent() - before))
"""

# receiver.py ADDRESS PORT GRO: the datagrams of each bundle by length, until all have come or none comes any more.
RECEIVER = f"""
import collections, json, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
if sys.argv[3] == "gro":
    s.setsockopt(17, 104, 1)
s.bind((sys.argv[1], int(sys.argv[2])))
s.settimeout(5)
print("ready", flush=True)
lengths, reads = [collections.Counter() for _ in range({BUNDLES})], 0
try:
    while sum(map(lambda c: sum(c.values()), lengths)) < {BUNDLES} * ({SEGMENTS} + 1):
        data, ancillary, _, _ = s.recvmsg(65536, 64)
        reads += 1
        assert len(set(data)) == 1, "mixed"
        size = next((int.from_bytes(value[:4], "little") for level, kind, value in ancillary if (level, kind) == (17, 104)),
                    len(data))
        for at in range(0, len(data), size):
            lengths[data[0]][len(data[at:at + size])] += 1
except TimeoutError:
    pass
print(json.dumps([reads, lengths]))
"""


def start_receiver(lab, host, command):
    receiver = lab.start(host, command, stdout=subprocess.PIPE)
    assert receiver.stdout.readline() == "ready\n"
    return receiver


def check_bundles(lab, sender_host, address, gro="plain"):
    """Sends from one host to the other, where Alpine runs on host a. Returns (packets sent, reads)."""
    receiver_host = "b" if sender_host == "a" else "a"
    receiver = start_receiver(lab, receiver_host, on(receiver_host, *python(RECEIVER, address, PORT, gro)))
    sent = int(lab.run(sender_host, on(sender_host, *python(SENDER, address, PORT))).stdout)
    reads, lengths = json.loads(receiver.stdout.readline())
    assert lengths == [{str(SEGMENT): SEGMENTS, str(LAST): 1}] * BUNDLES, lengths
    return sent, reads


def test_bundles_leave_whole(lab):
    sent, _ = check_bundles(lab, "a", ADDRESS["b"])
    assert sent < 2 * BUNDLES, sent


def test_bundles_leave_whole_over_ipv6(lab):
    sent, _ = check_bundles(lab, "a", ADDRESS6["b"])
    assert sent < 2 * BUNDLES, sent


def test_bundles_come_in_as_datagrams(lab):
    _, reads = check_bundles(lab, "b", ADDRESS["a"])
    assert reads == BUNDLES * (SEGMENTS + 1), reads


def test_bundles_are_taken_whole(lab):
    _, reads = check_bundles(lab, "b", ADDRESS["a"], "gro")
    assert reads < 4 * BUNDLES, reads


def test_bundles_are_taken_whole_over_ipv6(lab):
    _, reads = check_bundles(lab, "b", ADDRESS6["a"], "gro")
    assert reads < 4 * BUNDLES, reads


def test_the_classic_wire_carries_them_cut(lab):
    receiver = start_receiver(lab, "b", python(RECEIVER, ADDRESS["b"], PORT, "plain"))
    sent = int(lab.run("a", alp(*python(SENDER, ADDRESS["b"], PORT), options=["--wire=classic"])).stdout)
    _, lengths = json.loads(receiver.stdout.readline())
    assert lengths == [{str(SEGMENT): SEGMENTS, str(LAST): 1}] * BUNDLES, lengths
    assert sent >= BUNDLES * (SEGMENTS + 1), sent


main()
