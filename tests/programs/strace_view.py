# SPDX-License-Identifier: GPL-2.0
"""What the host's kernel sees of sockets that are the stack's, by strace: dummies that are made, bound and closed, and not
one call that moves data. Whatever of libc or of a program passed Alpine by would show here."""
import os
import re

from lab import ADDRESS, alp
from programs import python
from runner import main

# strace -yy shows what a descriptor is: 5<TCP:[...]>, 6<UDP:[0.0.0.0:40000]>.
SOCKET = r"<(TCP|TCPv6|UDP|UDPv6)[:\]]"
MOVES_DATA = re.compile(
    r"\b(read|write|readv|writev|pread64|preadv2?|pwritev2?|sendto|recvfrom|sendmsg|recvmsg|sendmmsg|recvmmsg|connect|"
    r"accept4?|sendfile|splice|getpeername|shutdown)\(\d+" + SOCKET +
    r"|\b(poll|ppoll|select|pselect6)\([^)]*" + SOCKET)
# (Another thread's call may come in between; what such a one answers stands further down.)
MADE = re.compile(r"\bsocket\(AF_INET6?, [^)]*(\) = \d+<| <unfinished)")


def seen_by_the_host(lab, command):
    trace = lab.path("trace")
    lab.run("a", ["strace", "-f", "-yy", "-o", trace, *command], timeout=90)
    with open(trace) as file:
        return file.read()


def check(lab, *program):
    trace = seen_by_the_host(lab, alp(*program))
    assert MADE.search(trace), "no dummy was made: did the program use sockets at all?"
    passed_by = [line for line in trace.splitlines() if MOVES_DATA.search(line)]
    assert not passed_by, "calls that passed Alpine by:\n" + "\n".join(passed_by[:10])


def test_the_check_sees_what_does_not_pass_alpine(lab):
    build = lab.run("a", ["sh", "-c", 'dirname "$(dirname "$(command -v alp)")"']).stdout.strip()
    trace = seen_by_the_host(lab, [os.path.join(build, "tests", "calls", "inside_libc")])
    calls = {match.group(1) or match.group(3) for match in map(MOVES_DATA.search, trace.splitlines()) if match}
    assert {"read", "write", "connect", "accept", "poll"} <= calls, calls


def test_nothing_of_libcs_own_calls_passes_alpine_by(lab):
    build = lab.run("a", ["sh", "-c", 'dirname "$(dirname "$(command -v alp)")"']).stdout.strip()
    check(lab, os.path.join(build, "tests", "calls", "inside_libc"))


def test_nothing_of_curl_passes_alpine_by(lab):
    lab.start_listener("b", ["/usr/bin/python3", "-m", "http.server", "8000", "--directory", lab.tmp], 8000)
    check(lab, "curl", "-sS", "-o", "/dev/null", "http://%s:8000/" % ADDRESS["b"])


def test_nothing_of_python_passes_alpine_by(lab):
    check(lab, *python("""
import asyncio, socket
async def echo(reader, writer):
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"line\\n")
    assert await reader.readline() == b"line\\n"
    server.close()
asyncio.run(main())
left, right = socket.create_server(("127.0.0.1", 0)), socket.socket()
right.connect(left.getsockname())
peer = left.accept()[0]
with right.makefile("w") as file:
    print("text", file=file)
assert peer.makefile().readline() == "text\\n"
"""))


main()
