# SPDX-License-Identifier: GPL-2.0
"""alpined is killed and started again beside programs on the classic wire: what carries nothing meanwhile goes on."""
import os
import signal
import subprocess

from lab import ADDRESS, alp, wait_until
from programs import BIND, python
from runner import main

CLASSIC = ["--wire", "classic"]
PORT = 7000

# Echoes on every connection to its port.
SERVER = """
import socket, sys, threading
listener = socket.create_server(("", int(sys.argv[1])))
print("listening", flush=True)

def echo(link):
    while data := link.recv(65536):
        link.sendall(data)

while True:
    threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
"""
# Prints its own port, and then, for every line on standard input, the echo that it gets.
ASKER = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
link.settimeout(10)
print(link.getsockname()[1], flush=True)
for line in sys.stdin:
    link.sendall(b"hello")
    print(link.recv(5).decode(), flush=True)
"""


def daemon_dies(lab):
    pid = int(lab.daemon("pid"))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not os.path.exists("/proc/%d" % pid), "alpined is gone")


def is_back(lab):
    rows = lab.run("a", ["alp", "ps"], user=False).stdout.splitlines()[1:]
    return len(rows) == 1 and "tcp/" in rows[0]


def start_server(lab, host, *prefix):
    server = lab.start(host, [*prefix, *python(SERVER, PORT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout.readline().strip() == "listening", open(server.log).read()
    return server


def start_asker(lab, host, *prefix):
    asker = lab.start(host, [*prefix, *python(ASKER, ADDRESS["b" if host == "a" else "a"], PORT)],
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return asker, int(asker.stdout.readline())


def tell(process, word):
    process.stdin.write(word + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_a_server_and_its_idle_connection_outlive_kills_of_alpined(lab):
    server = start_server(lab, "a", *alp(options=CLASSIC))
    asker, _ = start_asker(lab, "b")
    for _ in range(3):
        daemon_dies(lab)
        lab.daemon("start")
        wait_until(lambda: is_back(lab), "the stack is back")
        assert tell(asker, "?") == "hello"
        again, _ = start_asker(lab, "b")
        assert tell(again, "?") == "hello"
        lab.stop(again)
    assert open(server.log).read() == ""


def test_a_leased_port_is_taken_again(lab):
    start_server(lab, "b")
    asker, port = start_asker(lab, "a", *alp(options=CLASSIC))
    daemon_dies(lab)
    assert lab.run("a", python(BIND, port)).stdout.strip() == "bound"
    lab.daemon("start")
    wait_until(lambda: is_back(lab), "the stack is back")
    assert lab.run("a", python(BIND, port), check=False).stdout.strip() == "EADDRINUSE"
    assert tell(asker, "?") == "hello"


def test_a_port_that_the_host_has_given_away_meanwhile_is_told_of_in_one_line(lab):
    start_server(lab, "b")
    asker, port = start_asker(lab, "a", *alp(options=CLASSIC))
    daemon_dies(lab)
    taker = lab.start("a", python(BIND, port), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert taker.stdout.readline().strip() == "bound"
    lab.daemon("start")
    wait_until(lambda: "no longer its own" in open(asker.log).read(), "the program says so")
    assert len(open(asker.log).read().splitlines()) == 1
    lab.stop(taker)


main()
