# SPDX-License-Identifier: GPL-2.0
"""Raw and packet sockets inside a stack: they see the packets of that stack only, and what they send is checked like all
else (tests/proxy/hostile_packets_test.cpp tries the rest, at the TUN queue itself)."""
import subprocess

from lab import ADDRESS, alp, wait_until
from programs import python
from runner import main

PORT = 7100
MARKER = "not for other eyes"

# Counts what it sees of a marker on packet and raw sockets until its input ends; given a peer, it sends some itself.
SNIFFER = """
import select, socket, sys
marker = sys.argv[1].encode()
sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))]
sockets += [socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol) for protocol in (1, 6, 17)]
talker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(10 if sys.argv[2:] else 0):
    talker.sendto(marker, (sys.argv[2], int(sys.argv[3])))
print("listening", flush=True)
seen = 0
while True:
    for ready in select.select([*sockets, sys.stdin], [], [])[0]:
        if ready is sys.stdin:
            print(seen, flush=True)
            sys.exit()
        seen += marker in ready.recv(65535)
"""
# Sends the marker ten times to the peer, and to itself.
TALKER = """
import socket, sys
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for address in (sys.argv[1], "127.0.0.1"):
    for _ in range(10):
        peer.sendto(sys.argv[3].encode(), (address, int(sys.argv[2])))
"""
# UDP packets with headers of its own making, from whatever address and port.
FORGER = """
import socket, struct, sys
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
source, destination, source_port, port, marker = *sys.argv[1:3], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5].encode()
udp = struct.pack("!HHHH", source_port, port, 8 + len(marker), 0) + marker
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 7, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(destination))
refused = 0
for _ in range(10):
    try:
        raw.sendto(ip + udp, (destination, 0))
    except PermissionError:
        refused += 1
print(refused, "refused", flush=True)
sys.stdin.read()
"""
RECEIVER = """
import socket, sys
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind((sys.argv[1], int(sys.argv[2])))
print("listening", flush=True)
receiver.settimeout(float(sys.argv[3]))
try:
    print(receiver.recv(100).decode(), flush=True)
except TimeoutError:
    print("nothing", flush=True)
"""


def start(lab, host, command, first_line="listening"):
    process = lab.start(host, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    line = process.stdout.readline().strip()
    assert line == first_line, (line, open(process.log).read())
    return process


def end(process):
    process.stdin.close()
    return process.stdout.read().strip()


def test_sniffer_sees_nothing_of_the_host_nor_of_another_stack(lab):
    sniffer = start(lab, "a", alp(*python(SNIFFER, MARKER)))
    receiver = start(lab, "b", python(RECEIVER, ADDRESS["b"], PORT, 20))
    lab.run("a", alp(*python(TALKER, ADDRESS["b"], PORT, MARKER)))
    lab.run("a", python(TALKER, ADDRESS["b"], PORT, MARKER))
    assert receiver.stdout.readline().strip() == MARKER
    assert end(sniffer) == "0"


# That it sees nothing above is not because it cannot see.
def test_sniffer_sees_its_own_stack(lab):
    sniffer = start(lab, "a", alp(*python(SNIFFER, MARKER, ADDRESS["b"], PORT)))
    assert int(end(sniffer)) > 0


def forge(lab, source, port, outcome):
    """Answers the process, which goes on, and what the peer got."""
    receiver = start(lab, "b", python(RECEIVER, ADDRESS["b"], PORT, 5))
    forger = start(lab, "a", alp(*python(FORGER, source, ADDRESS["b"], port, PORT, MARKER)), outcome)
    return forger, receiver.stdout.readline().strip()


def ps(lab):
    return lab.run("a", ["alp", "ps"]).stdout


def test_raw_socket_sends_from_a_port_that_is_free(lab):
    assert forge(lab, ADDRESS["a"], 7101, "0 refused")[1] == MARKER


def test_raw_socket_cannot_send_from_a_port_that_is_the_hosts(lab):
    start(lab, "a", python(RECEIVER, ADDRESS["a"], 7101, 60))
    assert forge(lab, ADDRESS["a"], 7101, "10 refused")[1] == "nothing"


def test_raw_socket_cannot_send_from_a_port_that_its_user_could_not_bind(lab):
    assert forge(lab, ADDRESS["a"], 53, "10 refused")[1] == "nothing"


def test_raw_socket_cannot_send_from_an_address_that_is_not_the_hosts(lab):
    forger, got = forge(lab, "10.77.0.99", 7101, "0 refused")
    assert got == "nothing"
    wait_until(lambda: "source-address:10" in ps(lab), "alp ps counts ten drops")
    end(forger)


main()
