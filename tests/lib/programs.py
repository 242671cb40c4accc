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


def python(text, *arguments):
    return [PYTHON, "-c", text, *map(str, arguments)]
