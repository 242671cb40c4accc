# SPDX-License-Identifier: GPL-2.0
"""Echo over TLS in Python, blocking with a thread for each connection and by asyncio: servers and a client."""

# tls_threaded_server.py PORT CERTIFICATE KEY
TLS_THREADED_SERVER = """
import socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
def echo(plain):
    try:
        with context.wrap_socket(plain, server_side=True) as link:
            while data := link.recv(65536):
                link.sendall(data)
            link.unwrap()
    except OSError:  # one that only looked whether the port answers
        pass
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=128)
while True:
    threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
"""

# tls_async_server.py PORT CERTIFICATE KEY
TLS_ASYNC_SERVER = """
import asyncio, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def serve():
    async with await asyncio.start_server(echo, "0.0.0.0", int(sys.argv[1]), ssl=context, backlog=128) as server:
        await server.serve_forever()
asyncio.run(serve())
"""

# tls_threaded_clients.py ADDRESS PORT CERTIFICATE COUNT BYTES: COUNT threads, each sends BYTES and gets them back.
TLS_THREADED_CLIENTS = """
import concurrent.futures, os, socket, ssl, sys, threading
address, port, certificate, count, length = sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:])
context = ssl.create_default_context(cafile=certificate)
def client(i):
    data, got = os.urandom(length), bytearray()
    with context.wrap_socket(socket.create_connection((address, port), 30), server_hostname=address) as link:
        for at in range(0, length, 16384):  # answered piece by piece: one SSL object is not for two threads
            piece = data[at:at + 16384]
            link.sendall(piece)
            end = len(got) + len(piece)
            while len(got) < end:
                more = link.recv(end - len(got))
                assert more, "connection %d ended at %d" % (i, len(got))
                got += more
        assert got == data, i
with concurrent.futures.ThreadPoolExecutor(count) as pool:
    list(pool.map(client, range(count)))
print("all", count, "right")
"""

# tls_async_clients.py ADDRESS PORT CERTIFICATE COUNT BYTES: the same with a task each, sending and receiving at once.
TLS_ASYNC_CLIENTS = """
import asyncio, os, ssl, sys
address, port, certificate, count, length = sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:])
context = ssl.create_default_context(cafile=certificate)
async def client(i):
    data = os.urandom(length)
    reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=address)
    async def send():
        writer.write(data)
        await writer.drain()
    _, got = await asyncio.gather(send(), reader.readexactly(length))
    assert got == data, i
    writer.close()
async def run():
    await asyncio.gather(*(client(i) for i in range(count)))
asyncio.run(run())
print("all", count, "right")
"""
