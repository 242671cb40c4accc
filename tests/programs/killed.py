# SPDX-License-Identifier: GPL-2.0
"""A program killed in the middle of a transfer leaves nothing, and its peer learns of it."""
import signal
import subprocess

from lab import ADDRESS, alp, wait_until
from programs import BIND, python
from runner import main

PORT = 7000
# Sends without end; prints how the peer's end was learned of.
ENDLESS_SENDER = """
import errno, socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("listening", flush=True)
link, peer = listener.accept()
try:
    while True:
        link.sendall(bytes(65536))
except OSError as error:
    print(errno.errorcode[error.errno], flush=True)
"""
RECEIVER = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print(link.getsockname()[1], flush=True)
while link.recv(65536):
    pass
"""


def test_client_killed_mid_transfer_leaves_nothing_and_its_peer_gets_a_reset(lab):
    sender = lab.start("b", python(ENDLESS_SENDER, PORT), stdout=subprocess.PIPE)
    assert sender.stdout.readline().strip() == "listening"
    client = lab.start("a", alp(*python(RECEIVER, ADDRESS["b"], PORT)), stdout=subprocess.PIPE)
    port = int(client.stdout.readline())
    assert len(lab.tuns()) == 1
    lab.stop(client, signal.SIGKILL)
    assert sender.stdout.readline().strip() in ("ECONNRESET", "EPIPE")
    wait_until(lambda: lab.tuns() == [], "the TUN is gone")
    assert lab.run("a", python(BIND, port)).stdout.strip() == "bound"


# A peer that only waits never sends anything the host's kernel could answer with a reset.
QUIET_SERVER = """
import socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family)
print("listening", flush=True)
link, peer = listener.accept()
link.sendall(b"x")
time.sleep(60)
"""
WAITING_PEER = """
import errno, socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
link.recv(1)
print("waiting", flush=True)
try:
    print("end of file" if not link.recv(1) else "data", flush=True)
except OSError as error:
    print(errno.errorcode[error.errno], flush=True)
"""


def waiting_peer_of_killed_server(lab, address):
    server = lab.start("a", alp(*python(QUIET_SERVER, address, PORT)), stdout=subprocess.PIPE)
    assert server.stdout.readline().strip() == "listening"
    peer = lab.start("b", python(WAITING_PEER, address, PORT), stdout=subprocess.PIPE)
    assert peer.stdout.readline().strip() == "waiting"
    lab.stop(server, signal.SIGKILL)
    return peer.stdout.readline().strip()


def test_peer_that_only_waits_gets_a_reset(lab):
    assert waiting_peer_of_killed_server(lab, ADDRESS["a"]) == "ECONNRESET"


def test_peer_that_only_waits_gets_a_reset_over_ipv6(lab):
    assert waiting_peer_of_killed_server(lab, "fd77::1") == "ECONNRESET"


def test_server_killed_frees_its_port_at_once(lab):
    server = lab.start("a", alp(*python(BIND, PORT)), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout.readline().strip() == "bound"
    lab.stop(server, signal.SIGKILL)
    wait_until(lambda: lab.tuns() == [], "the TUN is gone")
    assert lab.run("a", python(BIND, PORT)).stdout.strip() == "bound"


main()
