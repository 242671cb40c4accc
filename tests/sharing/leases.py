# SPDX-License-Identifier: GPL-2.0
"""Ephemeral ports are leased from the host several at once: connect() then says nothing to alpined, the host's rules about
ports hold, and what is not used goes back."""
from lab import ADDRESS, alp, wait_until
from programs import ECHO_SERVER, python
from runner import main

PORT = 5500

# connect.py ADDRESS PORT COUNT: connections one after the other; prints their own ports.
CONNECT = """
import socket, sys
for _ in range(int(sys.argv[3])):
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        print(s.getsockname()[1], flush=True)
"""
# The same for datagrams, each from a socket of its own.
SEND = """
import socket, sys
for _ in range(int(sys.argv[3])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", (sys.argv[1], int(sys.argv[2])))
        print(s.getsockname()[1], flush=True)
"""
# Connects COUNT times, then makes a socket every second until it is ended.
CONNECT_AND_STAY = CONNECT + """
import time
print("done", flush=True)
while True:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    time.sleep(1)
"""


def messages(lab, program, count):
    """How many messages to alpined `count` connections cost: nothing else is sent on the host."""
    log = lab.path("strace")
    lab.run("a", ["strace", "-f", "-qq", "-e", "trace=sendmsg", "-o", log,
                  *alp(*python(program, ADDRESS["b"], PORT, count))])
    with open(log) as file:
        return sum("sendmsg(" in line for line in file)


def check_costs_nothing_more(lab, program):
    few, many = messages(lab, program, 40), messages(lab, program, 55)
    print("messages to alpined: %d for 40, %d for 55" % (few, many))
    assert few <= 10 and many - few <= 1, (few, many)


def test_connections_cost_no_message_once_ports_are_leased(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    check_costs_nothing_more(lab, CONNECT)


def test_datagram_sockets_cost_no_message_once_ports_are_leased(lab):
    check_costs_nothing_more(lab, SEND)


def test_the_hosts_range_and_reserved_ports_are_obeyed(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    lab.run("a", ["sysctl", "-qw", "net.ipv4.ip_local_port_range=50000 50199",
                  "net.ipv4.ip_local_reserved_ports=50020-50180"], user=False)
    allowed = {*range(50000, 50020), *range(50181, 50200)}
    ports = lab.run("a", alp(*python(CONNECT, ADDRESS["b"], PORT, 20))).stdout.split()
    assert len(ports) == 20 and set(map(int, ports)) <= allowed, ports


def test_all_ports_in_use_is_said_as_linux_says_it(lab):
    """As root, who may have them all: others have a quota, which follows the host's range."""
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    lab.run("a", ["sysctl", "-qw", "net.ipv4.ip_local_port_range=50000 50007"], user=False)
    said = lab.run("a", alp(*python("""
import errno, socket, sys
held = []
try:
    for _ in range(9):
        held.append(socket.create_connection((sys.argv[1], int(sys.argv[2])), 5))
except OSError as error:
    print(len(held), errno.errorcode[error.errno])
""", ADDRESS["b"], PORT)), user=False).stdout.split()
    assert said == ["8", "EADDRNOTAVAIL"], said


def steered(lab):
    """alp ps about the only stack on a."""
    (line,) = lab.run("a", ["alp", "ps"]).stdout.splitlines()[1:]
    return line


def test_what_is_not_used_goes_back_to_the_host(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    process = lab.start("a", alp(*python(CONNECT_AND_STAY, ADDRESS["b"], PORT, 3)))

    def output():
        with open(process.log) as file:
            return file.read()
    wait_until(lambda: "done" in output(), "the connections are made")
    assert "tcp/" in steered(lab), steered(lab)
    used = set(output().split()[:3])
    assert steered(lab).count("tcp/") > len(used), "nothing was leased beyond need: " + steered(lab)
    # What is left is remembered by TIME_WAIT.
    wait_until(lambda: steered(lab).count("tcp/") <= len(used), "what nobody used is given back", timeout=30)


main()
