# SPDX-License-Identifier: GPL-2.0
"""alpined is killed, ended and started again, and no flow notices; what cannot outlive it leaves nothing."""
import os
import signal
import subprocess
import time

from lab import ADDRESS, alp, wait_until
from programs import BIND, python
from restarting import daemon_dies, restart, stacks
from runner import main

PORT = 7000
KILLS = int(os.environ.get("ALPINE_TEST_KILLS", "20"))
# What all connections together carry at least. The full size is ALPINE_TEST_RESTART_MIB=10240.
MEBIBYTES = int(os.environ.get("ALPINE_TEST_RESTART_MIB", "256"))

# One side of connections that each carry data until the file is there and the quota is full. Half of them this program
# opens and sends on; the other half it accepts, receives, and answers with what it has seen: bytes and SHA-256.
PEER = """
import hashlib, os, socket, sys, threading
address, port, other, other_port, count, quota, stop = sys.argv[1:]
port, other_port, count, quota = int(port), int(other_port), int(count), int(quota)
failures = []

def receive(link):
    seen, total = hashlib.sha256(), 0
    while data := link.recv(65536):
        seen.update(data)
        total += len(data)
    link.sendall(b"%d %s" % (total, seen.hexdigest().encode()))
    link.close()

def send(number):
    link = socket.create_connection((other, other_port))
    block = hashlib.shake_128(b"%d" % number).digest(32768)
    sent, total = hashlib.sha256(), 0
    while total < quota or not os.path.exists(stop):
        link.sendall(block)
        sent.update(block)
        total += len(block)
    link.shutdown(socket.SHUT_WR)
    answer = b""
    while data := link.recv(200):
        answer += data
    if answer != b"%d %s" % (total, sent.hexdigest().encode()):
        failures.append("connection %d: %d sent, %r seen" % (number, total, answer))

def guarded(function, argument):
    try:
        function(argument)
    except OSError as error:
        failures.append(str(error))

listener = socket.create_server((address, port), backlog=count)
print("listening", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=guarded, args=(send, i)) for i in range(count)]
for thread in threads:
    thread.start()
for i in range(count):
    threads.append(threading.Thread(target=guarded, args=(receive, listener.accept()[0])))
    threads[-1].start()
print("connected", flush=True)
for thread in threads:
    thread.join()
print("failures:", failures, flush=True)
"""


def start_pair(lab, count, quota):
    stop = lab.path("stop")
    pair = []
    for host, other in (("a", "b"), ("b", "a")):
        command = python(PEER, ADDRESS[host], PORT, ADDRESS[other], PORT, count, quota, stop)
        pair.append(lab.start(host, alp(*command) if host == "a" else command, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE))
    for process in pair:
        assert process.stdout.readline().strip() == "listening"
    for process in pair:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in pair:
        assert process.stdout.readline().strip() == "connected"
    return pair, stop


def carry_on_through(lab, how, times):
    pair, stop = start_pair(lab, 25, MEBIBYTES * 1024 * 1024 // 50)
    for _ in range(times):
        restart(lab, how)
    open(stop, "w").close()
    for process in pair:
        assert process.stdout.readline().strip() == "failures: []"
    wait_until(lambda: stacks(lab) == [], "the stack is gone with its program")


def test_fifty_connections_outlive_kills_of_alpined(lab):
    carry_on_through(lab, signal.SIGKILL, KILLS)


def test_fifty_connections_outlive_an_orderly_restart(lab):
    carry_on_through(lab, signal.SIGTERM, 2)


# Echoes on one connection and does what it is told on standard input, a word a line.
TALKER = """
import errno, socket, sys, threading
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("listening", flush=True)
link, peer = listener.accept()

def echo():
    while data := link.recv(65536):
        link.sendall(data)

threading.Thread(target=echo, daemon=True).start()
for line in sys.stdin:
    word, *rest = line.split()
    try:
        if word == "close-listener":
            listener.close()
        elif word == "bind":
            socket.socket().bind((sys.argv[1], int(rest[0])))
        elif word == "connect":
            socket.create_connection((rest[0], int(rest[1])))
        print("done", flush=True)
    except OSError as error:
        print(errno.errorcode[error.errno], flush=True)
"""
# Asks for an echo for every line on standard input.
ASKER = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
link.settimeout(5)
print("connected", flush=True)
for line in sys.stdin:
    link.sendall(b"hello")
    print(link.recv(5).decode(), flush=True)
"""


class Talk:
    """A connection of an Alpine program on a with a plain one on b."""

    def __init__(self, lab):
        self.talker = lab.start("a", alp(*python(TALKER, "0.0.0.0", PORT)), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        assert self.talker.stdout.readline().strip() == "listening"
        self.asker = lab.start("b", python(ASKER, ADDRESS["a"], PORT), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.asker.stdout.readline().strip() == "connected"

    def ask(self, process, line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def goes_on(self):
        return self.ask(self.asker, "?") == "hello"

    def tell(self, line):
        return self.ask(self.talker, line)

    def said(self):
        return open(self.talker.log).read()


def test_a_port_without_its_listener_is_still_taken_after_a_restart(lab):
    talk = Talk(lab)
    assert talk.tell("close-listener") == "done"
    restart(lab)
    wait_until(lambda: len(stacks(lab)) == 1, "the stack is back")
    assert lab.run("a", python(BIND, PORT), check=False).stdout.strip() != "bound"
    assert talk.goes_on()


def test_a_listener_accepts_as_before_after_a_restart(lab):
    talk = Talk(lab)
    restart(lab)
    assert lab.answers("b", ADDRESS["a"], PORT)
    assert talk.goes_on()


def test_a_bind_waits_for_a_restarting_alpined(lab):
    talk = Talk(lab)
    daemon_dies(lab)
    talk.talker.stdin.write("bind 7010\n")
    talk.talker.stdin.flush()
    time.sleep(0.5)
    lab.daemon("start")
    assert talk.talker.stdout.readline().strip() == "done"


def test_a_bind_without_alpined_fails_with_one_line_and_flows_go_on(lab):
    talk = Talk(lab)
    daemon_dies(lab)
    began = time.monotonic()
    assert talk.tell("bind 7010") == "ENETDOWN"
    assert 2 < time.monotonic() - began < 6
    assert talk.goes_on()
    lines = talk.said().splitlines()
    assert len(lines) == 1 and "alpined is not running" in lines[0], lines
    lab.daemon("start")
    assert talk.tell("bind 7010") == "done"


WAITING = """
import errno, socket, sys, time
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print("connected", flush=True)
try:
    link.recv(1)
except OSError as error:
    print(errno.errorcode[error.errno], time.time(), flush=True)
"""


def test_a_program_killed_while_alpined_is_away_leaves_nothing_and_its_peer_gets_a_reset(lab):
    server = lab.start("a", alp(*python(TALKER, "0.0.0.0", PORT)), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout.readline().strip() == "listening"
    peer = lab.start("b", python(WAITING, ADDRESS["a"], PORT), stdout=subprocess.PIPE)
    assert peer.stdout.readline().strip() == "connected"
    daemon_dies(lab)
    lab.stop(server, signal.SIGKILL)
    lab.daemon("start")
    serves = time.time()  # how long it takes to start is the machine's affair
    error, when = peer.stdout.readline().split()
    assert error == "ECONNRESET", error
    assert float(when) - serves < 1, float(when) - serves
    assert lab.tuns() == []
    assert lab.run("a", python(BIND, PORT)).stdout.strip() == "bound"


def left_over(lab):
    """What an alpined makes, on host a."""
    shown = lab.run("a", ["sh", "-c", "tc qdisc show; for d in lo eth0; do tc filter show dev $d ingress; done; "
                                      "ip -br link show type tun; sysctl net.ipv4.conf.all.rp_filter "
                                      "net.ipv4.conf.eth0.rp_filter net.ipv4.conf.eth0.accept_local"], user=False)
    return shown.stdout


def test_uninstalling_leaves_nothing(lab):
    lab.daemon("stop")
    lab.run("a", ["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=0"], user=False)
    before = left_over(lab)
    lab.daemon("start")
    talk = Talk(lab)
    refused = lab.run("a", ["alpined", "--uninstall"], user=False, check=False)
    assert refused.returncode == 125 and "another alpined" in refused.stderr, refused.stderr
    daemon_dies(lab)
    assert left_over(lab) != before
    lab.run("a", ["alpined", "--uninstall"], user=False)
    assert left_over(lab) == before
    lab.stop(talk.talker)
    lab.daemon("start")


main()
