# SPDX-License-Identifier: GPL-2.0
"""Traffic within one host: every combination of Alpine and the host's stack, family, protocol and address carries 10 MiB.

Prints a row for each combination, with what both ends saw of each other.
"""
from lab import ADDRESS, ADDRESS6, alp, wait_until
from programs import python
from runner import main

PORT = 5300
# receive | send | both: PROTOCOL ADDRESS PORT. The sender prints the sha256 of what it sent, the receiver of what it got.
# Datagrams are acknowledged one by one, so that none is lost in a full buffer.
TRANSFER = """
import hashlib, random, socket, sys, threading
role, protocol, address, port = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
BYTES, PIECE = 10 << 20, 32768
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM

def bound():
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(20)
    s.bind((address, port))
    if protocol == "tcp":
        s.listen(1)
    print("ready", flush=True)
    return s

def receive(s):
    seen, got = hashlib.sha256(), 0
    if protocol == "tcp":
        s, peer = s.accept()
        s.settimeout(20)
    while got < BYTES:
        piece, sender = (s.recv(PIECE), peer) if protocol == "tcp" else s.recvfrom(PIECE)
        assert piece, "the end came after %d bytes" % got
        seen.update(piece)
        got += len(piece)
        if protocol == "udp":
            s.sendto(b"%d" % got, sender)
    if protocol == "tcp":
        s.sendall(b"all")
    sys.stdout.write("got %s from %s\\n" % (seen.hexdigest(), sender[0]))

def send():
    s = socket.socket(family, kind)
    s.settimeout(20)
    s.connect((address, port))
    made, data = hashlib.sha256(), random.Random(port).randbytes(PIECE)
    for sent in range(0, BYTES, PIECE):
        piece = data[sent // PIECE:] + data[:sent // PIECE]
        made.update(piece)
        s.sendall(piece)
        if protocol == "udp":
            assert s.recv(100) == b"%d" % (sent + PIECE)
    if protocol == "tcp":
        assert s.recv(100) == b"all"
    sys.stdout.write("sent %s\\n" % made.hexdigest())

if role == "send":
    send()
else:
    receiver = bound()
    if role == "both":
        sender = threading.Thread(target=send)
        sender.start()
    receive(receiver)
    if role == "both":
        sender.join()
"""


def transfer(role, protocol, address, port):
    return python(TRANSFER, role, protocol, address, port)


def output(process):
    with open(process.log) as file:
        return file.read()


def words_of(text, first):
    """The line that begins with this word."""
    lines = [line.split() for line in text.splitlines() if line.startswith(first + " ")]
    assert len(lines) == 1, "no line '%s' in: %s" % (first, text)
    return lines[0]


def check(row, receiver, sender, address):
    """What was sent came, unchanged, and the receiver saw it come from the address it was sent to."""
    _, sent = words_of(sender, "sent")
    _, got, _, source = words_of(receiver, "got")
    assert sent == got, "%s: sent %s, got %s" % (row, sent, got)
    assert source == address, "%s: it came from %s" % (row, source)
    print("%-60s 10 MiB, sha256 %s..." % (row, got[:16]))


def run_two(lab, receiver_words, sender_words, protocol, address, port, row):
    receiver = lab.start("a", receiver_words(*transfer("receive", protocol, address, port)))
    wait_until(lambda: "ready" in output(receiver) or receiver.poll() is not None, row + ": the receiver is bound")
    sent = lab.run("a", sender_words(*transfer("send", protocol, address, port)), timeout=60)
    assert receiver.wait(30) == 0, row + ": " + output(receiver)
    check(row, output(receiver), sent.stdout, address)


def run_one(lab, protocol, address, port, row):
    done = lab.run("a", alp(*transfer("both", protocol, address, port)), timeout=60)
    check(row, done.stdout, done.stdout, address)


def plain(*command):
    return list(command)


def every_address():
    """protocol, address and a port of its own for each combination."""
    rows = [(protocol, address) for protocol in ("tcp", "udp")
            for address in (ADDRESS["a"], "127.0.0.1", ADDRESS6["a"], "::1")]
    return [(protocol, address, PORT + i) for i, (protocol, address) in enumerate(rows)]


def run_all(lab, name, receiver_words, sender_words):
    for protocol, address, port in every_address():
        row = "%s, %s, %s" % (name, protocol, address)
        run_two(lab, receiver_words, sender_words, protocol, address, port, row)


def test_from_alpine_to_a_program_of_the_host(lab):
    run_all(lab, "Alpine to host", plain, alp)


def test_from_a_program_of_the_host_to_alpine(lab):
    run_all(lab, "host to Alpine", alp, plain)


def test_from_one_alpine_process_to_another(lab):
    run_all(lab, "Alpine to Alpine", alp, alp)


def test_from_a_process_to_itself(lab):
    for protocol, address, port in every_address():
        run_one(lab, protocol, address, port, "Alpine to itself, %s, %s" % (protocol, address))


def test_nobody_there_is_told_by_the_host(lab):
    refused = python("import socket, sys\n"
                     "for address in sys.argv[2:]:\n"
                     "    family = socket.AF_INET6 if ':' in address else socket.AF_INET\n"
                     "    assert socket.socket(family).connect_ex((address, int(sys.argv[1]))) == 111, address\n"
                     "    s = socket.socket(family, socket.SOCK_DGRAM)\n"
                     "    s.connect((address, int(sys.argv[1])))\n"
                     "    s.settimeout(5)\n"
                     "    s.send(b'x')\n"
                     "    try:\n"
                     "        s.recv(1)\n"
                     "    except ConnectionRefusedError:\n"
                     "        continue\n"
                     "    sys.exit('no port unreachable from ' + address)\n",
                     PORT, ADDRESS["a"], "127.0.0.1", ADDRESS6["a"], "::1")
    lab.run("a", alp(*refused))


main()
