# SPDX-License-Identifier: GPL-2.0
"""Many programs killed under load leave nothing on the host or in alpined, and each of their peers gets a reset."""
import json
import os
import signal
import subprocess
import time

from lab import ADDRESS, alp, wait_until
from programs import python
from runner import main

KILLS = int(os.environ.get("ALPINE_TEST_CLIENT_KILLS", "200"))
PER_ROUND = 5
LINKS = 3

# Takes connections and reports how each ended, and when. A connection's first byte says what this end does then.
PEER = r"""
import errno, socket, sys, threading, time
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=64)
print("listening", flush=True)

def end_of(link):
    what = link.recv(1)
    try:
        while what == b"s":
            link.sendall(bytes(65536))
        while link.recv(65536):
            pass
        how = "end of file"
    except OSError as error:
        how = errno.errorcode[error.errno]
    sys.stdout.write("%s %f\n" % (how, time.time()))
    sys.stdout.flush()

while True:
    threading.Thread(target=end_of, args=(listener.accept()[0],), daemon=True).start()
"""
# One connection that receives without end, one that sends without end, one that waits; and two ports of its own.
VICTIM = """
import socket, sys, threading
links = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(3)]
for link, what in zip(links, (b"s", b"r", b"w")):
    link.sendall(what)
listener = socket.create_server(("0.0.0.0", 0))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", 0))

def read():
    while links[0].recv(65536):
        pass

threading.Thread(target=read, daemon=True).start()
print("busy", flush=True)
while True:
    links[1].sendall(bytes(65536))
"""


def map_sizes(lab):
    """Entries in each of alpined's maps that has an entry per stack, port or connection."""
    filters = json.loads(lab.run("a", ["tc", "-j", "filter", "show", "dev", "lo", "ingress"], user=False).stdout)
    program = next(f["options"]["prog"]["id"] for f in filters if "prog" in f.get("options", {}))
    shown = json.loads(lab.run("a", ["bpftool", "-j", "prog", "show", "id", str(program)], user=False).stdout)
    sizes = {}
    for number in shown["map_ids"]:
        map_ = json.loads(lab.run("a", ["bpftool", "-j", "map", "show", "id", str(number)], user=False).stdout)
        if map_["name"] in ("flows", "connections", "wire_counters", "stacks"):
            dump = lab.run("a", ["bpftool", "-j", "map", "dump", "id", str(number)], user=False).stdout
            sizes[map_["name"]] = len(json.loads(dump))
    return sizes


def daemon_size(lab):
    """Open descriptors, and memory in KiB."""
    pid = lab.daemon("pid")
    status = open("/proc/%s/status" % pid).read()
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return len(os.listdir("/proc/%s/fd" % pid)), memory


def host_sockets(lab):
    return len(lab.run("a", ["ss", "-Hantu"], user=False).stdout.splitlines())


def kill_some(lab, peer, port, count):
    """Starts `count` programs, kills them all at once, and answers how long the slowest reset took."""
    victims = [lab.start("a", alp(*python(VICTIM, ADDRESS["b"], port)), stdout=subprocess.PIPE) for _ in range(count)]
    for victim in victims:
        assert victim.stdout.readline().strip() == "busy"
    killed = time.time()
    for victim in victims:
        victim.send_signal(signal.SIGKILL)
    slowest = 0
    for _ in range(count * LINKS):
        how, _, when = peer.stdout.readline().strip().rpartition(" ")
        assert how in ("ECONNRESET", "EPIPE"), how
        slowest = max(slowest, float(when) - killed)
    for victim in victims:
        victim.wait(10)
        victim.stdout.close()
        lab.processes.remove(victim)
    return slowest


def test_two_hundred_killed_programs_leave_nothing_and_all_peers_get_a_reset_within_a_second(lab):
    port = 7000
    peer = lab.start("b", python(PEER, ADDRESS["b"], port), stdout=subprocess.PIPE)
    assert peer.stdout.readline().strip() == "listening"
    kill_some(lab, peer, port, PER_ROUND)  # what is allocated once is so now
    wait_until(lambda: lab.tuns() == [], "the TUNs are gone")
    descriptors, memory = daemon_size(lab)
    sockets = host_sockets(lab)
    slowest = 0
    for _ in range(KILLS // PER_ROUND):
        slowest = max(slowest, kill_some(lab, peer, port, PER_ROUND))
    wait_until(lambda: lab.tuns() == [], "the TUNs are gone")
    assert map_sizes(lab) == {"flows": 0, "connections": 0, "wire_counters": 0, "stacks": 0}, map_sizes(lab)
    assert host_sockets(lab) == sockets
    assert daemon_size(lab)[0] == descriptors
    grown = daemon_size(lab)[1] - memory
    print("%d programs killed, the slowest reset after %.0f ms, alpined's memory %+d KiB"
          % (KILLS, slowest * 1000, grown))
    assert grown < 512
    assert slowest < 1


main()
