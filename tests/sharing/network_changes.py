# SPDX-License-Identifier: GPL-2.0
"""The host's network changes under a running program: its stack follows within 100 ms of each change."""
import json
import time

from lab import ADDRESS, alp, wait_until
from programs import ECHO_CLIENTS, ECHO_SERVER, python
from runner import main
from third_host import ADDRESS6_C, ADDRESS_C, MTU, third_host

LIMIT_S = 0.1
PORT = 5400

# Looks at its own stack every few milliseconds and prints what it carries whenever that changes, with the time.
WATCH = r"""
import json, re, socket, struct, time

def read(path):
    with open(path) as file:
        return file.read()

def dotted(word):
    return socket.inet_ntoa(struct.pack("=I", int(word, 16)))

def v6(word):
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(word))

def path_mtu(address):
    v6 = ":" in address
    with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
            return probe.getsockopt(*((socket.IPPROTO_IPV6, IPV6_MTU) if v6 else (socket.IPPROTO_IP, IP_MTU)))
        except OSError:
            return 0

def state():
    routes = [line.split() for line in read("/proc/net/route").splitlines()[1:]]
    v6_routes = [line.split() for line in read("/proc/net/ipv6_route").splitlines()]
    return {
        "v4": sorted(set(re.findall(r"\|-- (\S+)\n +/32 host LOCAL", read("/proc/net/fib_trie")))),
        "v6": sorted(v6(line.split()[0]) for line in read("/proc/net/if_inet6").splitlines()),
        "routes": sorted("%s/%d" % (dotted(r[1]), bin(int(r[7], 16)).count("1")) for r in routes),
        "path mtus": {address: path_mtu(address) for address in ("192.0.2.1", "10.99.0.1", "10.78.0.2", "fd78::2")},
        "v6 routes": sorted("%s/%d" % (v6(r[0]), int(r[1], 16)) for r in v6_routes if r[9] == "alp0"),
        "mtu": int(read("/sys/class/net/alp0/mtu")),
    }

IP_MTU = 14
IPV6_MTU = 24
last = None
while True:
    now = state()
    if now != last:
        print(json.dumps([time.monotonic(), now]), flush=True)
        last = now
    time.sleep(0.004)
"""


class Watched:
    """The watching program on host a, and its stack's state."""

    def __init__(self, lab):
        self.lab = lab
        self.process = lab.start("a", alp(*python(WATCH)))
        wait_until(lambda: self.lines() or self.process.poll() is not None, "the program shows its stack")

    def lines(self):
        with open(self.process.log) as file:
            lines = file.read().splitlines()
        assert self.process.poll() is None, lines[-20:]
        return [json.loads(line) for line in lines if line.endswith("}]")]

    def changed(self, what, command, true):
        """Makes a change on the host and waits until the stack has it. Prints how long that took."""
        state = self.lines()[-1][1]
        assert not true(state), "%s: so it was before: %s" % (what, state)
        self.lab.run("a", ["sh", "-c", command], user=False)
        done = time.monotonic()

        def seen():
            return [when for when, state in self.lines() if when > done - 5 and true(state)]
        try:
            wait_until(lambda: bool(seen()), what, timeout=3)
        except AssertionError:
            raise AssertionError("%s: not in the stack after 3 s: %s" % (what, self.lines()[-1]))
        late = max(0.0, seen()[0] - done)
        print("%-50s %4.0f ms after the host's own" % (what, late * 1000))
        assert late <= LIMIT_S, "%s came %.0f ms after the host's own change" % (what, late * 1000)


def test_addresses_come_and_go(lab):
    watched = Watched(lab)
    watched.changed("an address more", "ip addr add 10.77.0.9/24 dev eth0", lambda s: "10.77.0.9" in s["v4"])
    watched.changed("and gone", "ip addr del 10.77.0.9/24 dev eth0", lambda s: "10.77.0.9" not in s["v4"])
    watched.changed("an IPv6 address more", "ip addr add fd77::9/64 dev eth0 nodad", lambda s: "fd77::9" in s["v6"])
    watched.changed("and gone", "ip addr del fd77::9/64 dev eth0", lambda s: "fd77::9" not in s["v6"])


def test_routes_and_gateways_come_and_go(lab):
    watched = Watched(lab)
    watched.changed("a default gateway", "ip route add default via 10.77.0.2", lambda s: "0.0.0.0/0" in s["routes"])
    watched.changed("another one, with an MTU", "ip route replace default via 10.77.0.3 mtu 1300",
                    lambda s: s["path mtus"]["192.0.2.1"] == 1300)
    watched.changed("none", "ip route del default", lambda s: "0.0.0.0/0" not in s["routes"])
    watched.changed("a route", "ip route add 10.99.0.0/16 via 10.77.0.2 mtu 1400",
                    lambda s: s["path mtus"]["10.99.0.1"] == 1400)
    watched.changed("another MTU of it", "ip route change 10.99.0.0/16 via 10.77.0.2 mtu 1200",
                    lambda s: s["path mtus"]["10.99.0.1"] == 1200)
    watched.changed("an IPv6 route", "ip -6 route add 2001:db8::/32 via fd77::2",
                    lambda s: "2001:db8::/32" in s["v6 routes"])
    watched.changed("and gone", "ip -6 route del 2001:db8::/32", lambda s: "2001:db8::/32" not in s["v6 routes"])


def test_links_change(lab):
    watched = Watched(lab)
    watched.changed("a smaller MTU of the link", "ip link set eth0 mtu 1400", lambda s: s["mtu"] == 1400)
    watched.changed("and a larger one", "ip link set eth0 mtu 1500", lambda s: s["mtu"] == 1500)
    watched.changed("the link down", "ip link set eth0 down", lambda s: "10.77.0.0/24" not in s["routes"])
    watched.changed("and up", "ip link set eth0 up", lambda s: "10.77.0.0/24" in s["routes"])
    watched.changed("a second interface",
                    "ip link add one type veth peer two && ip link set two up && ip link set one up"
                    " && ip addr add 10.88.0.1/24 dev one",
                    lambda s: "10.88.0.1" in s["v4"] and "10.88.0.0/24" in s["routes"])
    watched.changed("and gone", "ip link del one", lambda s: "10.88.0.1" not in s["v4"])


def test_path_mtus_that_the_host_learns(lab):
    with third_host(lab):
        watched = Watched(lab)
        for address in ADDRESS_C, ADDRESS6_C:
            learn = "ping -q -c 1 -W 1 -s 1400 -M do %s; ip route get %s | grep -q 'mtu %d'" % (address, address, MTU)
            watched.changed("the path's MTU to %s" % address, learn, lambda s: s["path mtus"][address] == MTU)


def test_a_running_server_and_client_survive_a_renumbering(lab):
    """As DHCP does it: the old address goes, another comes. What listens on the wildcard is there under the new one."""
    lab.start_listener("a", alp(*python(ECHO_SERVER, PORT)), PORT)
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    waits = lab.path("go")
    client = lab.start("a", alp(*python(
        "import os, time\nimport socket as s\nx = s.socket()\n"
        "while not os.path.exists(%r): time.sleep(0.02)\n" % waits + ECHO_CLIENTS, ADDRESS["b"], PORT, 5, 20)))
    time.sleep(0.5)
    lab.run("a", ["sh", "-c", "ip addr del 10.77.0.1/24 dev eth0 && ip addr add 10.77.0.50/24 dev eth0"], user=False)
    time.sleep(LIMIT_S)
    lab.run("b", python(ECHO_CLIENTS, "10.77.0.50", PORT, 5, 20))
    lab.write("go", "", 0o644)
    assert client.wait(30) == 0, open(client.log).read()[-2000:]
    with open(client.log) as file:
        assert "answers right" in file.read()


main()
