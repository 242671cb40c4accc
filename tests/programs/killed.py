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


def test_server_killed_frees_its_port_at_once(lab):
    server = lab.start("a", alp(*python(BIND, PORT)), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout.readline().strip() == "bound"
    lab.stop(server, signal.SIGKILL)
    wait_until(lambda: lab.tuns() == [], "the TUN is gone")
    assert lab.run("a", python(BIND, PORT)).stdout.strip() == "bound"


main()
