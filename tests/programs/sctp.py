# SPDX-License-Identifier: GPL-2.0
"""SCTP between two Alpine processes, whatever the host's kernel has."""
from lab import ADDRESS, alp, wait_until
from programs import python
from runner import lab_options, main

PORT = 9000
SERVER = """
import socket, sys
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
listener.bind(("0.0.0.0", int(sys.argv[1])))
listener.listen()
print("listening", flush=True)
link, peer = listener.accept()
while data := link.recv(65536):
    link.sendall(b"got " + data)
link.close()
"""
CLIENT = """
import socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
link.settimeout(20)
link.connect((sys.argv[1], int(sys.argv[2])))
for i in range(100):
    message = b"message %d" % i
    link.sendall(message)
    answer = link.recv(65536)
    assert answer == b"got " + message, answer
link.close()
print("done")
"""


@lab_options(both=True)
def test_messages_go_both_ways_between_two_hosts(lab):
    server = lab.start("a", alp(*python(SERVER, PORT)))
    wait_until(lambda: "listening" in open(server.log).read(), "the server listens", timeout=20)
    assert lab.run("b", alp(*python(CLIENT, ADDRESS["a"], PORT))).stdout.strip() == "done"
    assert server.wait(20) == 0, open(server.log).read()


main()
