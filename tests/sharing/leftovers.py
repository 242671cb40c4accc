# SPDX-License-Identifier: GPL-2.0
"""A port that changes sides while connections on it live: a server of the host has closed its listener and goes on with its
clients (as nginx does when it is stopped gently), and a program under Alpine takes the port with SO_REUSEADDR."""
import subprocess

from lab import ADDRESS, ADDRESS6, alp
from programs import python
from runner import main

PORT = 7960
# serve.py FAMILY ONE: echoes. "one": a single connection, whose listener is closed as soon as it is there.
SERVE = """
import socket, sys, threading
family, one = (socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET), sys.argv[2] == "one"
def echo(link):
    while data := link.recv(1000):
        link.sendall(b"%s " % sys.argv[2].encode() + data)
listener = socket.socket(family, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("", int(sys.argv[3])))
listener.listen(10)
print("listening", flush=True)
while True:
    link = listener.accept()[0]
    if one:
        listener.close()
        print("alone", flush=True)
        echo(link)
        break
    threading.Thread(target=echo, args=(link,), daemon=True).start()
"""
# talk.py ADDRESS: sends each line of its input, prints what comes back.
TALK = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
for line in sys.stdin:
    link.sendall(line.encode())
    print(link.recv(1000).decode(), end="", flush=True)
"""


def start(lab, host, command):
    return lab.start(host, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def says(process, word):
    process.stdin.write(word + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def check_both_go_on(lab, family, host, address):
    old = start(lab, "a", python(SERVE, family, "one", PORT))
    assert old.stdout.readline().strip() == "listening"
    client = start(lab, host, python(TALK, address, PORT))
    assert says(client, "before") == "one before"
    assert old.stdout.readline().strip() == "alone"
    new = start(lab, "a", alp(*python(SERVE, family, "all", PORT)))
    assert new.stdout.readline().strip() == "listening"
    assert says(client, "after") == "one after"
    other = start(lab, host, python(TALK, address, PORT))
    assert says(other, "new") == "all new"
    assert says(client, "and on") == "one and on"
    for process in client, other, old, new:
        lab.stop(process)


def test_the_hosts_connections_go_on_and_new_ones_are_the_stacks(lab):
    check_both_go_on(lab, "4", "b", ADDRESS["a"])


def test_the_same_over_ipv6(lab):
    check_both_go_on(lab, "6", "b", ADDRESS6["a"])


def test_the_same_within_the_host(lab):
    check_both_go_on(lab, "4", "a", "127.0.0.1")


main()
