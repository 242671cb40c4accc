# SPDX-License-Identifier: GPL-2.0
"""socat under Alpine: relays between stack sockets, and between one and a file, a pipe or a Unix socket of the host."""
from lab import ADDRESS, alp, on, wait_until
from payload import make_file, sha256_of
from programs import ECHO_CLIENTS, ECHO_SERVER, python
from runner import main
from unseen import check_unseen

PORT = 7000
SIZE = 3_000_000
UDP_ECHO_SERVER = """
import socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.bind(("0.0.0.0", int(sys.argv[1])))
print("listening", flush=True)
while True:
    data, peer = link.recvfrom(65536)
    link.sendto(data, peer)
"""
UDP_CLIENT = """
import socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.settimeout(5)
link.connect((sys.argv[1], int(sys.argv[2])))
for i in range(200):
    question = b"datagram %d;" % i * (1 + i % 90)
    link.send(question)
    answer = link.recv(65536)
    assert answer == question, (i, len(answer))
"""
UNIX_ECHO_SERVER = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("listening", flush=True)
link, _ = listener.accept()
data = b""
while piece := link.recv(65536):
    data += piece
link.sendall(data)
"""


def start_and_wait(lab, host, command, **options):
    """For servers that take one connection only: waits for their word instead of asking."""
    process = lab.start(host, command, **options)
    wait_until(lambda: "listening" in open(process.log).read(), "%s listens" % (command,), timeout=20)
    return process


def relay(lab, listen, connect):
    return start_and_wait(lab, "a", alp("socat", "-d", "-d", "-t", "30", listen, connect))


def send_file_and_get_it_back(lab, host, target):
    """Through a socat whose standard input and output are files."""
    digest = make_file(lab, "sent", SIZE)
    with open(lab.path("sent"), "rb") as sent, open(lab.path("got"), "wb") as got:
        process = lab.start(host, on(host, "socat", "-t", "30", "-", target), stdin=sent, stdout=got)
        assert process.wait(60) == 0, open(process.log).read()
    assert sha256_of(lab.path("got")) == digest


def test_relays_tcp(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    server = relay(lab, "TCP-LISTEN:%d" % (PORT + 1), "TCP:%s:%d" % (ADDRESS["b"], PORT))
    send_file_and_get_it_back(lab, "b", "TCP:%s:%d" % (ADDRESS["a"], PORT + 1))
    assert server.wait(20) == 0, open(server.log).read()


def test_relays_udp(lab):
    start_and_wait(lab, "b", python(UDP_ECHO_SERVER, PORT))
    relay(lab, "UDP-LISTEN:%d" % (PORT + 1), "UDP:%s:%d" % (ADDRESS["b"], PORT))
    lab.run("b", python(UDP_CLIENT, ADDRESS["a"], PORT + 1))


def test_relays_tcp_to_a_unix_socket_of_the_host(lab):
    start_and_wait(lab, "a", python(UNIX_ECHO_SERVER, lab.path("unix")))
    relay(lab, "TCP-LISTEN:%d" % PORT, "UNIX-CONNECT:" + lab.path("unix"))
    send_file_and_get_it_back(lab, "b", "TCP:%s:%d" % (ADDRESS["a"], PORT))


def test_joins_standard_input_and_output_to_tcp(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    send_file_and_get_it_back(lab, "a", "TCP:%s:%d" % (ADDRESS["b"], PORT))


def test_server_writes_a_connection_to_standard_output(lab):
    digest = make_file(lab, "sent", SIZE)
    with open(lab.path("got"), "wb") as got:
        server = start_and_wait(lab, "a", alp("socat", "-d", "-d", "-u", "TCP-LISTEN:%d" % PORT, "-"), stdout=got)
        lab.run("b", ["socat", "-u", "OPEN:" + lab.path("sent"), "TCP:%s:%d" % (ADDRESS["a"], PORT)])
        assert server.wait(20) == 0, open(server.log).read()
    assert sha256_of(lab.path("got")) == digest


def serve_by_processes(lab, *words):
    """A child for each connection, and a program for each child: 40 clients at once."""
    listen = "TCP-LISTEN:%d,fork,reuseaddr,backlog=64" % PORT
    lab.start_listener("a", alp("socat", "-t", "30", listen, *words), PORT)
    lab.run("b", python(ECHO_CLIENTS, ADDRESS["a"], PORT, 40, 10))


def test_server_starts_a_program_for_each_connection(lab):
    serve_by_processes(lab, "EXEC:cat")


def test_server_starts_a_program_right_on_each_connection(lab):
    serve_by_processes(lab, "EXEC:cat,nofork")


def test_server_starts_a_shell_for_each_connection(lab):
    serve_by_processes(lab, "SYSTEM:cat | cat")


def test_server_connects_each_connection_to_another_host(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT + 1), PORT + 1)
    serve_by_processes(lab, "TCP:%s:%d" % (ADDRESS["b"], PORT + 1))


main(check_unseen)
