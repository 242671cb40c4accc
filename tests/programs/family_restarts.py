# SPDX-License-Identifier: GPL-2.0
"""alpined is killed and started again under a family of processes, of which the one that watches the connection to it (the
first, then whichever takes over) has left before, leaves while alpined is away, or in the middle of the reattachment: the
others get new ports afterwards, and all their streams are whole."""
import os
import socket
import time

from lab import ADDRESS, alp, wait_until
from programs import BIND, ECHO_SERVER, python
from restarting import daemon_dies, stacks
from runner import main

PORT, FIRST_OWN = 7000, 7100
PROCESSES = 4
# Each process sends on a connection of its own and checks what comes back, for ever; and does what it is told on a Unix
# socket. The first forks the others.
FAMILY = """
import errno, hashlib, os, signal, socket, sys, threading
folder, address, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
number = 0
first = socket.create_connection((address, port))  # the stack is the first process's
for i in range(1, count):
    if os.fork() == 0:
        number = i
        break
link = first if number == 0 else socket.create_connection((address, port))
if number != 0:
    first.close()
link.settimeout(20)
rounds, failure = 0, ""

def stream():
    global rounds, failure
    try:
        while True:
            block = hashlib.shake_128(b"%d %d" % (number, rounds)).digest(20000)
            link.sendall(block)
            seen = b""
            while len(seen) < len(block):
                piece = link.recv(len(block) - len(seen))
                assert piece, "the end"
                seen += piece
            assert seen == block, "other bytes"
            rounds += 1
    except (OSError, AssertionError) as error:
        failure = repr(error)

threading.Thread(target=stream, daemon=True).start()
orders = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
orders.bind(os.path.join(folder, "process%d" % number))
os.chmod(os.path.join(folder, "process%d" % number), 0o777)
kept = []
while True:
    words, back = orders.recvfrom(1000)
    word, *rest = words.decode().split()
    answer = "done"
    try:
        if word == "bind":
            kept.append(socket.create_server(("0.0.0.0", int(rest[0]))))
        elif word == "connect":
            for _ in range(40):  # more than one lease has
                kept.append(socket.create_connection((address, port), 5))
            kept[-1].sendall(b"new")
            answer = kept[-1].recv(3).decode()
        elif word == "rounds":
            answer = failure or str(rounds)
        elif word == "pid":
            answer = str(os.getpid())
    except OSError as error:
        answer = errno.errorcode.get(error.errno, repr(error))
    if word in ("leave", "die"):
        break
    orders.sendto(answer.encode(), back)
if word == "die":
    os.kill(os.getpid(), signal.SIGKILL)  # from elsewhere it might be found inside the stack
os._exit(0)
"""


class Family:
    def __init__(self, lab):
        lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
        self.process = lab.start("a", alp(*python(FAMILY, lab.tmp, ADDRESS["b"], PORT, PROCESSES)))
        self.names = [lab.path("process%d" % i) for i in range(PROCESSES)]
        wait_until(lambda: all(map(os.path.exists, self.names)), "all processes are there", timeout=20)
        time.sleep(0.2)
        self.mouth = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.mouth.bind(lab.path("test"))
        os.chmod(lab.path("test"), 0o777)
        self.mouth.settimeout(15)
        self.left = list(range(PROCESSES))
        self.pids = [int(self.ask(i, "pid")) for i in self.left]

    def ask(self, number, order):
        self.mouth.sendto(order.encode(), self.names[number])
        return self.mouth.recv(1000).decode()

    def leave(self, number, how="leave"):
        self.left.remove(number)
        self.mouth.sendto(how.encode(), self.names[number])

    def is_gone(self, number):
        try:
            return open("/proc/%d/stat" % self.pids[number]).read().rsplit(") ", 1)[1][0] == "Z"
        except OSError:
            return True

    def check(self, lab, own_port):
        """Streams go on; everybody gets new ports, whose owners the host knows."""
        before = {i: self.ask(i, "rounds") for i in self.left}
        assert all(count.isdigit() for count in before.values()), before
        wait_until(lambda: all(int(self.ask(i, "rounds")) > int(before[i]) for i in self.left), "all streams go on")
        for i in self.left:
            assert self.ask(i, "bind %d" % (own_port + i)) == "done"
            assert lab.run("a", python(BIND, own_port + i), check=False).stdout.strip() == "EADDRINUSE"
            assert lab.answers("b", ADDRESS["a"], own_port + i)
            assert self.ask(i, "connect") == "new"


def test_the_first_process_has_left_before(lab):
    family = Family(lab)
    family.leave(0)
    wait_until(lambda: family.is_gone(0), "it has left")
    for turn in range(2):
        daemon_dies(lab)
        lab.daemon("start")
        family.check(lab, FIRST_OWN + 10 * turn)


def test_it_leaves_while_alpined_is_away(lab):
    family = Family(lab)
    for turn, how in enumerate(("leave", "die")):
        daemon_dies(lab)
        family.leave(turn, how)
        wait_until(lambda: family.is_gone(turn), "it has left")
        lab.daemon("start")
        family.check(lab, FIRST_OWN + 10 * turn)


def test_it_leaves_in_the_middle_of_the_reattachment(lab):
    family = Family(lab)
    for turn, (after_s, how) in enumerate(((0.0, "leave"), (0.05, "die"), (0.1, "leave"))):
        daemon_dies(lab)
        lab.daemon("start")
        time.sleep(after_s)
        family.leave(turn, how)
        wait_until(lambda: len(stacks(lab)) == 1, "the stack is back")
        family.check(lab, FIRST_OWN + 10 * turn)
    family.leave(PROCESSES - 1)
    wait_until(lambda: stacks(lab) == [], "the stack is gone with its last process")


main()
