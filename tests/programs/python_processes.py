# SPDX-License-Identifier: GPL-2.0
"""Python's ways to serve with several processes, under Alpine: a fork for each connection, processes that accept from one
listener, processes that are handed connections, pools; and a client that asks from several."""
from lab import ADDRESS, alp
from processes import children_of
from programs import ECHO_CLIENTS, ECHO_SERVER, python
from runner import main
from unseen import check_unseen

PORT = 7000

FORKING_SERVER = """
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
class Server(socketserver.ForkingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    max_children = 100
with Server(("0.0.0.0", int(sys.argv[1])), Echo) as server:
    server.serve_forever(poll_interval=0.1)
"""

# sandboxed.py PORT COUNT: a child for each of so many connections, which may have no more descriptors than it has, waits
# for its connection and a pipe by poll(), and answers. The parent has no part in it.
SANDBOXED_SERVER = """
import os, resource, select, socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=128)
held, _ = os.pipe()
for _ in range(int(sys.argv[2])):
    link = listener.accept()[0]
    if os.fork() == 0:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1))
        poll = select.poll()
        poll.register(link, select.POLLIN)
        poll.register(held, select.POLLIN)
        while True:
            data = poll.poll() and link.recv(65536)
            if not data:
                os._exit(0)
            link.sendall(data)
    link.close()
while True:
    os.wait()
"""

FORKING_DATAGRAMS = """
import os, socketserver, sys
class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        socket.sendto(b"%d " % os.getpid() + data, self.client_address)
with socketserver.ForkingUDPServer(("0.0.0.0", int(sys.argv[1])), Answer) as server:
    server.serve_forever(poll_interval=0.1)
"""
ASK_DATAGRAMS = """
import socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.settimeout(10)
link.connect((sys.argv[1], int(sys.argv[2])))
answered_by = set()
for i in range(100):
    link.send(b"question %d" % i)
    process, _, text = link.recv(100).partition(b" ")
    assert text == b"question %d" % i, text
    answered_by.add(process)
assert len(answered_by) == 100, len(answered_by)
"""

# processes.py PORT METHOD COUNT: COUNT processes accept from the parent's listener.
ACCEPTING_PROCESSES = """
import multiprocessing, socket, sys, threading
def echo(link):
    while data := link.recv(65536):
        link.sendall(data)
    link.close()
def work(listener):
    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[2])
    listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=128)
    workers = [multiprocessing.Process(target=work, args=(listener,), daemon=True) for _ in range(int(sys.argv[3]))]
    for worker in workers:
        worker.start()
    listener.close()
    for worker in workers:
        worker.join()
"""

# The parent accepts and hands each connection over a pipe (SCM_RIGHTS) to one of its processes.
HANDING_ON = """
import multiprocessing, multiprocessing.reduction, socket, sys, threading
def echo(link):
    while data := link.recv(65536):
        link.sendall(data)
    link.close()
def work(pipe):
    while True:
        link = socket.socket(fileno=multiprocessing.reduction.recv_handle(pipe))
        threading.Thread(target=echo, args=(link,), daemon=True).start()
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[2])
    pipes = []
    for _ in range(int(sys.argv[3])):
        here, there = multiprocessing.Pipe()
        worker = multiprocessing.Process(target=work, args=(there,), daemon=True)
        worker.start()
        pipes.append((here, worker.pid))
        there.close()
    listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=128)
    turn = 0
    while True:
        link, _ = listener.accept()
        pipe, pid = pipes[turn % len(pipes)]
        multiprocessing.reduction.send_handle(pipe, link.fileno(), pid)
        link.close()
        turn += 1
"""

# A pool whose processes each ask on a connection of their own, and one they all inherited stays the parent's.
POOL_CLIENT = """
import multiprocessing, os, socket, sys
address, port = sys.argv[2], int(sys.argv[3])
def ask(number):
    with socket.create_connection((address, port), 30) as link:
        question = b"%d of %d;" % (number, os.getpid()) * 500
        link.sendall(question)
        assert link.recv(len(question), socket.MSG_WAITALL) == question
    return os.getpid()
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    mine = socket.create_connection((address, port), 30)
    for _ in range(3):
        with multiprocessing.Pool(4) as pool:
            processes = set(pool.map(ask, range(100), chunksize=5))
        assert 1 <= len(processes) <= 4 and os.getpid() not in processes
        mine.sendall(b"still here")
        assert mine.recv(10, socket.MSG_WAITALL) == b"still here"
    print("right")
"""


def clients(lab, count=60):
    lab.run("b", python(ECHO_CLIENTS, ADDRESS["a"], PORT, count, 10))


def script(lab, text, *arguments):
    """As a file: multiprocessing's other start methods read the program again."""
    return ["/usr/bin/python3", lab.write("program.py", text), *map(str, arguments)]


def test_forking_tcp_server_serves_60_connections(lab):
    lab.start_listener("a", alp(*python(FORKING_SERVER, PORT)), PORT)
    clients(lab)
    clients(lab)


def test_processes_that_may_have_no_more_descriptors_answer(lab):
    lab.start_listener("a", alp(*python(SANDBOXED_SERVER, PORT, 12 + 1)), PORT)  # one more for the look
    lab.run("b", python(ECHO_CLIENTS, ADDRESS["a"], PORT, 12, 40), timeout=30)


def test_forking_udp_server_answers_each_datagram_from_another_process(lab):
    lab.start("a", alp(*python(FORKING_DATAGRAMS, PORT)))
    lab.start_listener("a", alp(*python(FORKING_SERVER, PORT + 1)), PORT + 1)  # when it is up the other is, too
    lab.run("b", python(ASK_DATAGRAMS, ADDRESS["a"], PORT))


def check_accepting(lab, method):
    server = lab.start_listener("a", alp(*script(lab, ACCEPTING_PROCESSES, PORT, method, 4)), PORT)
    clients(lab)
    assert len(children_of(server.pid)) >= 4 or method == "forkserver", children_of(server.pid)


def test_forked_processes_accept_from_one_listener(lab):
    check_accepting(lab, "fork")


def test_spawned_processes_accept_from_one_listener(lab):
    check_accepting(lab, "spawn")


def test_processes_of_a_fork_server_accept_from_one_listener(lab):
    check_accepting(lab, "forkserver")


def test_connections_are_handed_to_forked_processes(lab):
    lab.start_listener("a", alp(*script(lab, HANDING_ON, PORT, "fork", 4)), PORT)
    clients(lab)


def test_connections_are_handed_to_spawned_processes(lab):
    lab.start_listener("a", alp(*script(lab, HANDING_ON, PORT, "spawn", 4)), PORT)
    clients(lab)


def check_pool(lab, method):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    command = alp(*script(lab, POOL_CLIENT, method, ADDRESS["b"], PORT))
    assert lab.run("a", command).stdout.strip() == "right"


def test_a_pool_of_forked_processes_asks(lab):
    check_pool(lab, "fork")


def test_a_pool_of_spawned_processes_asks(lab):
    check_pool(lab, "spawn")


main(check_unseen)
