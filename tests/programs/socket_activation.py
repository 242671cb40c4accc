# SPDX-License-Identifier: GPL-2.0
"""systemd-socket-activate under Alpine: it listens, and starts a program on the first connection, which gets the listener,
or one program for each connection, which gets that; openssl's s_server behind the latter, as inetd would have it."""
from certificates import make_certificate
from lab import ADDRESS, alp, wait_until
from programs import ECHO_CLIENTS, python
from runner import main
from tls_programs import TLS_THREADED_CLIENTS
from unseen import check_unseen

PORT = 7000
TLS_PORT = 4433
# Serves on the listener it was given (sd_listen_fds(3)): TLS, a thread for each connection, echoing.
GIVEN_LISTENER = """
import os, socket, ssl, sys, threading
assert os.environ["LISTEN_PID"] == str(os.getpid()) and os.environ["LISTEN_FDS"] == "1"
listener = socket.socket(fileno=3)
assert listener.getsockname()[1] == int(sys.argv[3]), listener
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
def echo(plain):
    with context.wrap_socket(plain, server_side=True) as link:
        while data := link.recv(65536):
            link.sendall(data)
while True:
    threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
"""
REVERSED_LINES = """
import socket, ssl, sys
address, port, certificate, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
context = ssl.create_default_context(cafile=certificate)
links = [context.wrap_socket(socket.create_connection((address, port), 60), server_hostname=address)
         for _ in range(count)]
for turn in range(3):
    for i, link in enumerate(links):
        link.sendall(b"line %d of connection %d\\n" % (turn, i))
    for i, link in enumerate(links):
        expected = (b"line %d of connection %d" % (turn, i))[::-1] + b"\\n"
        got = b""
        while len(got) < len(expected):
            piece = link.recv(len(expected) - len(got))
            assert piece, (turn, i)
            got += piece
        assert got == expected, got
print("right")
"""


def listening(lab, process):
    """A look by a connection would be its first connection; so its own word is waited for."""
    wait_until(lambda: "Listening on" in open(process.log).read() or process.poll() is not None, "it listens",
               timeout=20)
    assert process.poll() is None, open(process.log).read()


def activate(lab, port, options, command):
    process = lab.start("a", alp("systemd-socket-activate", "-l", "0.0.0.0:%d" % port, *options, *command))
    listening(lab, process)
    return process


def test_a_program_is_given_the_listener_at_the_first_connection(lab):
    certificate, key = make_certificate(lab)
    activate(lab, TLS_PORT, [], python(GIVEN_LISTENER, certificate, key, TLS_PORT))
    clients = python(TLS_THREADED_CLIENTS, ADDRESS["a"], TLS_PORT, certificate, 20, 200_000)
    assert lab.run("b", clients).stdout.strip() == "all 20 right"


def test_each_connection_is_the_standard_input_and_output_of_a_program(lab):
    activate(lab, PORT, ["--accept", "--inetd"], ["cat"])
    lab.run("b", python(ECHO_CLIENTS, ADDRESS["a"], PORT, 30, 10))


def test_openssl_serves_tls_behind_it_in_the_manner_of_inetd(lab):
    """Each connection is the standard input and output of a script. It starts an s_server for it on a port of its own,
    which it finds free by its own process number, and carries bytes between the two."""
    certificate, key = make_certificate(lab)
    script = lab.write("serve", """#!/bin/bash
port=$((20000 + $$ % 10000))
openssl s_server -quiet -rev -naccept 1 -accept "127.0.0.1:$port" -cert "$1" -key "$2" >/dev/null 2>&1 </dev/null &
exec socat -t 20 STDIO "TCP:127.0.0.1:$port,retry=100,interval=0.05"
""")
    activate(lab, TLS_PORT, ["--accept", "--inetd"], [script, certificate, key])
    clients = python(REVERSED_LINES, ADDRESS["a"], TLS_PORT, certificate, 10)
    assert lab.run("b", clients, timeout=100).stdout.strip() == "right"


main(check_unseen)
