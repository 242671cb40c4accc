# SPDX-License-Identifier: GPL-2.0
"""SO_REUSEPORT across processes that each have a stack of their own: everybody gets a share, and connections stay."""
import signal

from lab import ADDRESS, ADDRESS6, alp, wait_until
from programs import python
from runner import main
from unseen import check_unseen

PORT = 7500
# serve.py tcp|udp PORT: listens with SO_REUSEPORT and answers everything with its own pid; "close" on standard input
# closes the listener alone, "fork" makes a child that has it as well and does nothing, "end" ends that.
SERVE = """
import os, selectors, socket, sys
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
name = str(os.getpid()).encode()
listener = socket.socket(socket.AF_INET6, kind)
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(("::", int(sys.argv[2])))
ready = selectors.DefaultSelector()
ready.register(listener, selectors.EVENT_READ)
ready.register(sys.stdin, selectors.EVENT_READ)
if kind == socket.SOCK_STREAM:
    listener.listen(512)
print("ready", flush=True)
while True:
    for key, _ in ready.select():
        if key.fileobj is sys.stdin:
            word = sys.stdin.readline().strip()
            if not word:
                sys.exit()
            if word == "fork":
                sleeps, ends = os.pipe()
                if os.fork() == 0:
                    os.close(ends)
                    os.read(sleeps, 1)
                    os._exit(0)
            elif word == "end":
                os.close(ends)
                os.wait()
            else:
                ready.unregister(listener)
                listener.close()
            print("done", flush=True)
        elif key.fileobj is listener and kind == socket.SOCK_STREAM:
            ready.register(listener.accept()[0], selectors.EVENT_READ)
        elif key.fileobj is listener:
            data, peer = listener.recvfrom(2000)
            listener.sendto(name, peer)
        elif key.fileobj.recv(2000):
            key.fileobj.sendall(name)
        else:
            ready.unregister(key.fileobj)
            key.fileobj.close()
"""
# ask.py tcp|udp ADDRESS PORT COUNT: COUNT flows, an answer on each; then prints them all anew for each line it gets.
ASK = """
import socket, sys
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
links = []
def answer(link):
    try:
        link.send(b"who")
        return link.recv(100).decode() or "end"
    except OSError as error:
        return type(error).__name__
for _ in range(int(sys.argv[4])):
    link = socket.socket(family, kind)
    link.settimeout(10)
    link.connect((sys.argv[2], int(sys.argv[3])))
    links.append(link)
print(*map(answer, links), flush=True)
for line in sys.stdin:
    print(*map(answer, links), flush=True)
"""


def tell(server, word):
    server.stdin.write(word + "\n")
    server.stdin.flush()
    assert server.stdout.readline() == "done\n"


def serve(lab, kind, port=PORT):
    server = lab.start("a", alp(*python(SERVE, kind, port)), stdin=-1, stdout=-1)
    assert server.stdout.readline() == "ready\n", open(server.log).read()
    return server


class Asker:
    def __init__(self, lab, kind, count, address=ADDRESS["a"], port=PORT):
        self.process = lab.start("b", python(ASK, kind, address, port, count), stdin=-1, stdout=-1)
        self.first = self.process.stdout.readline().split()
        assert len(self.first) == count, open(self.process.log).read()

    def again(self):
        self.process.stdin.write("again\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()


def shares(answers):
    return sorted(answers.count(name) for name in set(answers))


def check_spread(answers, members, tolerance=0.5):
    assert all(name.isdigit() for name in answers), set(answers)
    even = len(answers) / members
    assert len(shares(answers)) == members and all(
        abs(share - even) < tolerance * even for share in shares(answers)), shares(answers)


def test_connections_are_spread_over_three_processes(lab):
    for _ in range(3):
        serve(lab, "tcp")
    for address in ADDRESS["a"], ADDRESS6["a"]:
        check_spread(Asker(lab, "tcp", 150, address).first, 3)


def test_datagrams_are_spread_and_those_of_one_flow_stay_together(lab):
    for _ in range(2):
        serve(lab, "udp")
    asker = Asker(lab, "udp", 100)
    check_spread(asker.first, 2)
    assert asker.again() == asker.first


def test_connections_stay_when_members_come_and_go(lab):
    first, second = serve(lab, "tcp"), serve(lab, "tcp")
    asker = Asker(lab, "tcp", 100)
    check_spread(asker.first, 2)
    third = serve(lab, "tcp")
    assert asker.again() == asker.first
    check_spread(Asker(lab, "tcp", 150).first, 3)
    lab.stop(third)
    assert asker.again() == asker.first
    lab.stop(second, signal.SIGKILL)
    kept = [name for name in asker.first if name == str(first.pid)]
    answers = asker.again()
    assert [name for name in answers if name.isdigit()] == kept, (asker.first, answers)
    check_spread(Asker(lab, "tcp", 50).first, 1)


def test_who_closes_the_listener_keeps_the_connections_and_gets_no_new_ones(lab):
    first, second = serve(lab, "tcp"), serve(lab, "tcp")
    asker = Asker(lab, "tcp", 60)
    check_spread(asker.first, 2)
    tell(first, "close")
    assert set(Asker(lab, "tcp", 60).first) == {str(second.pid)}
    assert asker.again() == asker.first


def test_who_closes_the_listener_while_a_child_has_it_gets_no_new_ones_once_that_has_ended(lab):
    first, second = serve(lab, "tcp"), serve(lab, "tcp")
    asker = Asker(lab, "tcp", 60)
    check_spread(asker.first, 2)
    for word in "fork", "close", "end":
        tell(first, word)
    assert set(Asker(lab, "tcp", 60).first) == {str(second.pid)}
    assert asker.again() == asker.first


def test_another_user_or_a_socket_that_does_not_share_is_refused(lab):
    serve(lab, "tcp")
    plain = SERVE.replace("listener.setsockopt(socket.SOL_SOCKET", "(socket.SOL_SOCKET")
    for command, user in ((python(plain, "tcp", PORT), True), (python(SERVE, "tcp", PORT), False)):
        done = lab.run("a", alp(*command), user=user, check=False)
        assert done.returncode == 1 and "Address already in use" in done.stderr, done


main(check_unseen)
