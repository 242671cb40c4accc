# SPDX-License-Identifier: GPL-2.0
"""`alp run --explain`: a table at the end of each process of where its calls went."""
import re

from lab import ADDRESS, alp
from programs import python
from runner import main

PROGRAM = """
import ctypes, os, socket
left, right = socket.create_server(("127.0.0.1", 0)), socket.socket()
right.connect(left.getsockname())
peer = left.accept()[0]
for i in range(10):
    right.send(b"x")
    peer.recv(1)
pair = socket.socketpair()
pair[0].send(b"x")
pair[1].recv(1)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.syscall(425, 1, None) == -1
socket.socket(socket.AF_UNIX).close()
os.close(%s)
"""


def rows(text):
    """{call: ([stack, host, refused, errors], why)}"""
    found = {}
    for line in text.splitlines():
        row = re.match(r"  (\w+) +(\d+) +(\d+) +(\d+) +(\d+)  (.*)", line)
        if row:
            found[row[1]] = ([int(row[i]) for i in range(2, 6)], row[6])
    return found


def test_table_counts_what_went_where(lab):
    table = rows(lab.run("a", alp(*python(PROGRAM % "peer.detach()"), options=["--explain"])).stderr)
    assert table["sendto"][0][:2] == [10, 1] and table["recvfrom"][0][:2] == [10, 1], table
    assert table["connect"][0] == [1, 0, 0, 0] and table["accept4"][0][0] == 1, table
    assert table["close"][0][0] >= 1, table


def test_table_says_why(lab):
    table = rows(lab.run("a", alp(*python(PROGRAM % "left.detach()"), options=["--explain"])).stderr)
    assert "1 Unix sockets are the host's" in table["socket"][1], table["socket"]
    assert table["io_uring_setup"][0][2] == 1 and "refused: 1 a ring" in table["io_uring_setup"][1], table
    assert "the path is the host's" in table["openat"][1], table["openat"]


def test_errors_are_counted(lab):
    program = python("import socket\ntry:\n socket.create_connection(('%s', 1))\nexcept ConnectionError: pass\n"
                     % ADDRESS["b"])
    table = rows(lab.run("a", alp(*program, options=["--explain"])).stderr)
    assert table["connect"][0] == [1, 0, 0, 1], table


def test_each_process_has_its_own_table(lab):
    done = lab.run("a", alp("sh", "-c", "cat /proc/net/dev; exit 0", options=["--explain"]))
    assert len(re.findall(r"^alpine: calls of process \d+ \((sh|cat)\)$", done.stderr, re.M)) == 2, done.stderr
    assert "alp0" in done.stdout


def test_nothing_is_printed_without_it(lab):
    assert lab.run("a", alp(*python(PROGRAM % "left.detach()"))).stderr == ""


main()
