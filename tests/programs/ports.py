# SPDX-License-Identifier: GPL-2.0
"""One port, one owner: Alpine's programs and the host's never hold the same port, and rights are the host's."""
import subprocess
import time

from lab import ADDRESS, alp
from programs import BIND, python
from runner import main

PORT = 8080


def holds(lab, command):
    """Starts a program that prints `bound` and holds its port until its input ends."""
    holder = lab.start("a", command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    line = holder.stdout.readline().strip()
    assert line == "bound", (line, open(holder.log).read())
    return holder


def outcome(lab, command):
    done = lab.run("a", command, check=False)
    return done.stdout.strip()


def release(holder):
    holder.stdin.close()
    assert holder.wait(10) == 0


def test_host_program_cannot_bind_a_port_that_alpine_holds(lab):
    holds(lab, alp(*python(BIND, PORT)))
    assert outcome(lab, python(BIND, PORT)) == "EADDRINUSE"


def test_host_program_cannot_bind_a_port_that_alpine_holds_even_if_both_reuse_addresses(lab):
    holds(lab, alp(*python(BIND, PORT, "reuse")))
    assert outcome(lab, python(BIND, PORT, "reuse")) == "EADDRINUSE"


def test_alpine_cannot_bind_a_port_that_a_host_program_holds(lab):
    holds(lab, python(BIND, PORT))
    assert outcome(lab, alp(*python(BIND, PORT))) == "EADDRINUSE"


def test_two_alpine_programs_cannot_bind_one_port(lab):
    holds(lab, alp(*python(BIND, PORT)))
    assert outcome(lab, alp(*python(BIND, PORT))) == "EADDRINUSE"


def test_a_port_is_free_again_when_its_owner_has_ended(lab):
    release(holds(lab, alp(*python(BIND, PORT))))
    assert outcome(lab, python(BIND, PORT)) == "bound"


# Binds a datagram port, forks, and closes it; the child has it, does nothing with it until its input ends, and then says
# what has come.
LEFT_TO_CHILD = """
import os, socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.bind(("0.0.0.0", int(sys.argv[1])))
if os.fork() == 0:
    sys.stdin.read()
    link.settimeout(5)
    print(link.recv(100).decode(), flush=True)
    os._exit(0)
link.close()
print("bound", flush=True)
os.wait()
"""
BIND_DATAGRAM = """
import errno, socket, sys
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("0.0.0.0", int(sys.argv[1])))
    print("bound")
except OSError as error:
    print(errno.errorcode[error.errno])
"""


SEND_DATAGRAM = """
import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"for the child", (sys.argv[1], int(sys.argv[2])))
"""


def test_a_port_that_only_a_child_has_is_the_childs(lab):
    holder = holds(lab, alp(*python(LEFT_TO_CHILD, PORT)))
    time.sleep(1)  # were the port to go back, it would by now
    assert outcome(lab, python(BIND_DATAGRAM, PORT)) == "EADDRINUSE"
    lab.run("b", python(SEND_DATAGRAM, ADDRESS["a"], PORT))
    release(holder)
    assert holder.stdout.readline().strip() == "for the child"
    assert outcome(lab, python(BIND_DATAGRAM, PORT)) == "bound"


# Binds a datagram port, forks, and closes it; the child never uses it, and ends with its input. Its parent then does
# nothing any more.
LEFT_UNUSED = """
import os, socket, sys, time
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.bind(("0.0.0.0", int(sys.argv[1])))
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
link.close()
print("bound", flush=True)
os.wait()
print("ended", flush=True)
time.sleep(1000)
"""


def test_a_port_that_only_a_child_had_is_free_when_it_ends_unused(lab):
    holder = holds(lab, alp(*python(LEFT_UNUSED, PORT)))
    assert outcome(lab, python(BIND_DATAGRAM, PORT)) == "EADDRINUSE"
    holder.stdin.close()
    assert holder.stdout.readline().strip() == "ended"
    assert outcome(lab, python(BIND_DATAGRAM, PORT)) == "bound"


# An SCTP listener that only a child has: it does nothing with it for longer than the stack is thought to need for the
# closing handshake, while its parent goes on opening and closing sockets.
LEFT_SCTP = """
import os, socket, sys, time
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
listener.bind(("0.0.0.0", int(sys.argv[1])))
listener.listen()
ready, tell = os.pipe()
if os.fork() == 0:
    os.read(ready, 1)
    listener.accept()[0].sendall(b"from the child")
    listener.close()
    os._exit(0)
listener.close()
for _ in range(45):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    time.sleep(0.1)
print("bound", flush=True)
sys.stdin.read()
os.write(tell, b"x")
link = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
link.connect(("127.0.0.1", int(sys.argv[1])))
print(link.recv(100).decode(), os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_an_sctp_port_that_only_a_child_has_is_the_childs(lab):
    holder = holds(lab, alp(*python(LEFT_SCTP, PORT)))
    other = BIND_DATAGRAM.replace("SOCK_DGRAM", "SOCK_STREAM, 132")
    assert outcome(lab, alp(*python(other, PORT))) == "EADDRINUSE"
    holder.stdin.close()
    assert holder.stdout.readline().strip() == "from the child 0"


def test_privileged_port_is_refused_as_on_the_host(lab):
    assert outcome(lab, python(BIND, 80)) == "EACCES"
    assert outcome(lab, alp(*python(BIND, 80))) == "EACCES"


main()
