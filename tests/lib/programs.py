# SPDX-License-Identifier: GPL-2.0
"""Small programs that tests run on lab hosts, each the command line of Debian's Python."""

PYTHON = "/usr/bin/python3"

# bind.py PORT [reuse]: binds and listens; prints "bound" and holds the port until it is ended, or prints the errno's name.
BIND = """
import errno, socket, sys, time
listener = socket.socket()
if sys.argv[2:] == ["reuse"]:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    listener.bind(("0.0.0.0", int(sys.argv[1])))
    listener.listen()
except OSError as error:
    print(errno.errorcode[error.errno])
    sys.exit(1)
print("bound", flush=True)
if sys.stdin.read():
    pass
"""

# echo_server.py PORT: gives every connection back what it sends, any number of connections.
ECHO_SERVER = """
import asyncio, sys
async def echo(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()
async def serve():
    async with await asyncio.start_server(echo, ["0.0.0.0", "::"], int(sys.argv[1]), backlog=1024) as server:
        await server.serve_forever()
asyncio.run(serve())
"""

# echo_clients.py ADDRESS PORT COUNT ROUNDS: COUNT connections at once, ROUNDS questions on each, every answer checked.
ECHO_CLIENTS = """
import socket, sys
address, port, count, rounds = sys.argv[1], *map(int, sys.argv[2:])
links = [socket.create_connection((address, port), 30) for _ in range(count)]
for turn in range(rounds):
    questions = [b"%d of %d in turn %d;" % (i, count, turn) * (1 + (i * 7 + turn) % 50) for i in range(count)]
    for link, question in zip(links, questions):
        link.sendall(question)
    for i, (link, question) in enumerate(zip(links, questions)):
        answer = b""
        while len(answer) < len(question):
            piece = link.recv(len(question) - len(answer))
            assert piece, "connection %d ended in turn %d" % (i, turn)
            answer += piece
        assert answer == question, "connection %d got another's answer in turn %d" % (i, turn)
for link in links:
    link.close()
print("all", count * rounds, "answers right")
"""

# line_reverser.py PORT: answers each line with the line reversed, in < and >, over TCP and UDP; closes at "bye".
LINE_REVERSER = """
import asyncio, sys
def answer(line):
    return b"<" + line.strip()[::-1] + b">\\n"
class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, peer):
        self.transport.sendto(answer(data), peer)
async def converse(reader, writer):
    while (line := await reader.readline()) and line.strip() != b"bye":
        writer.write(answer(line))
        await writer.drain()
    writer.close()
async def serve():
    await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, ("0.0.0.0", int(sys.argv[1])))
    async with await asyncio.start_server(converse, "0.0.0.0", int(sys.argv[1])) as server:
        await server.serve_forever()
asyncio.run(serve())
"""

# async_clients.py ADDRESS PORT COUNT ROUNDS: as echo_clients.py, with a task of asyncio for each connection.
ASYNC_CLIENTS = """
import asyncio, sys
address, port, count, rounds = sys.argv[1], *map(int, sys.argv[2:])
async def client(i, all_connected):
    reader, writer = await asyncio.open_connection(address, port)
    await all_connected()
    for turn in range(rounds):
        question = b"%d of %d in turn %d;" % (i, count, turn) * (1 + (i * 7 + turn) % 500)
        writer.write(question)
        assert await reader.readexactly(len(question)) == question, (i, turn)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
async def run():
    connected, missing = asyncio.Event(), [count]
    async def all_connected():
        missing[0] -= 1
        if not missing[0]:
            connected.set()
        await connected.wait()
    await asyncio.gather(*(client(i, all_connected) for i in range(count)))
asyncio.run(run())
print("all", count * rounds, "answers right")
"""

# selector_server.py PORT SELECTOR: echoes on any number of connections, in one thread, with that class of `selectors`.
SELECTOR_SERVER = """
import selectors, socket, sys
watched = getattr(selectors, sys.argv[2])()
class Link:
    def __init__(self, socket):
        self.socket, self.unsent = socket, b""
        socket.setblocking(False)
        watched.register(socket, selectors.EVENT_READ, self.work)
    def work(self, ready):
        if ready & selectors.EVENT_READ:
            data = self.socket.recv(65536)
            if not data:
                watched.unregister(self.socket)
                self.socket.close()
                return
            self.unsent += data
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent):]
        except BlockingIOError:
            pass
        watched.modify(self.socket, selectors.EVENT_WRITE if self.unsent else selectors.EVENT_READ, self.work)
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=512)
watched.register(listener, selectors.EVENT_READ, lambda ready: Link(listener.accept()[0]))
while True:
    for key, ready in watched.select():
        key.data(ready)
"""


def python(text, *arguments):
    return [PYTHON, "-c", text, *map(str, arguments)]
