# SPDX-License-Identifier: GPL-2.0
"""The classic wire leaves nothing behind, however client or daemon end, and its peers learn of it."""
import os
import signal
import subprocess
import time

from lab import ADDRESS, ADDRESS6, alp, wait_until
from programs import python
from runner import main

CLASSIC = ["--wire", "classic"]
PORT = 8080
SERVER = """
import socket, sys, time
listener = socket.create_server(("::", %d), family=socket.AF_INET6, dualstack_ipv6=True)
print("listening", flush=True)
links = [listener.accept()[0] for _ in range(2)]
print("accepted", flush=True)
time.sleep(60)
""" % PORT
# Waits in silence; prints how the connection ended.
WAITING_PEER = """
import errno, socket, sys
link = socket.create_connection((sys.argv[1], %d))
print("connected", flush=True)
try:
    print("end of file" if not link.recv(1) else "data", flush=True)
except OSError as error:
    print(errno.errorcode[error.errno], flush=True)
""" % PORT


def tables(lab):
    return lab.run("a", ["nft", "list", "tables"], user=False).stdout.split()


def packet_sockets(lab):
    """Of any kind that sees packets or makes them: lines of /proc/net without their headings."""
    shown = lab.run("a", ["sh", "-c", "tail -qn +2 /proc/net/packet /proc/net/raw /proc/net/raw6"], user=False).stdout
    return shown.splitlines()


def is_clean(lab):
    return "alpine" not in tables(lab) and packet_sockets(lab) == []


def start_server(lab):
    server = lab.start("a", alp(*python(SERVER), options=CLASSIC), stdout=subprocess.PIPE)
    assert server.stdout.readline().strip() == "listening", open(server.log).read()
    assert "alpine" in tables(lab) and len(packet_sockets(lab)) == 3
    peers = []
    for address in (ADDRESS["a"], ADDRESS6["a"]):
        peer = lab.start("b", python(WAITING_PEER, address), stdout=subprocess.PIPE)
        assert peer.stdout.readline().strip() == "connected"
        peers.append(peer)
    assert server.stdout.readline().strip() == "accepted"
    return server, peers


def test_client_killed_leaves_nothing_and_its_peers_get_a_reset(lab):
    server, peers = start_server(lab)
    began = time.monotonic()
    lab.stop(server, signal.SIGKILL)
    for peer in peers:
        assert peer.stdout.readline().strip() == "ECONNRESET"
    assert time.monotonic() - began < 2
    wait_until(lambda: is_clean(lab), "table and sockets are gone")


def test_daemon_ended_leaves_nothing(lab):
    start_server(lab)
    lab.daemon("stop")
    assert is_clean(lab)
    lab.daemon("start")


def test_daemon_killed_leaves_nothing(lab):
    start_server(lab)
    os.kill(int(lab.daemon("pid")), signal.SIGKILL)
    wait_until(lambda: is_clean(lab), "table and sockets are gone")
    lab.daemon("start")


def test_table_that_another_run_left_is_cleared_at_the_start(lab):
    """As it would be on a kernel that does not tie tables to processes."""
    lab.daemon("stop")
    lab.run("a", ["nft", "add table inet alpine; add chain inet alpine input { type filter hook input priority 0; }"],
            user=False)
    assert "alpine" in tables(lab)
    lab.daemon("start")
    assert is_clean(lab)


def cpu_ticks(process):
    return sum(int(field) for field in open("/proc/%d/stat" % process.pid).read().rpartition(")")[2].split()[11:13])


def test_program_whose_daemon_was_killed_does_not_spin(lab):
    for wire in ("classic", "steer"):
        waiting = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 0))\n"
                   "print('waiting', flush=True); s.recv(1)")
        program = lab.start("a", alp(*python(waiting), options=["--wire", wire]), stdout=subprocess.PIPE)
        assert program.stdout.readline().strip() == "waiting"
        daemon = int(lab.daemon("pid"))
        os.kill(daemon, signal.SIGKILL)
        wait_until(lambda: not os.path.exists("/proc/%d" % daemon), "alpined is dead")
        before = cpu_ticks(program)
        time.sleep(1)
        assert cpu_ticks(program) - before < 30, (wire, cpu_ticks(program) - before)
        lab.stop(program, signal.SIGKILL)
        lab.daemon("start")


main()
