# SPDX-License-Identifier: GPL-2.0
"""What sharing the host costs: a process with many ports, steering with many flows, and programs of the host that have
nothing to do with Alpine. Where the two columns are not host kernel and Alpine, the title says what they are."""
import json
import subprocess

from lab import ADDRESS_A, ADDRESS_B, BUILD, BenchError
from scenario import ALPINE, HOST, Scenario, on_side, ratio_at_least, ratio_at_most

PORT = 5202
SECONDS = 3
PORTS = 10_000
FEW_FLOWS = 10


def report_of(program, entries):
    """One of bench/'s programs that take a number of entries, here and not in the lab."""
    done = subprocess.run([str(BUILD / "bin" / program), str(entries)], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise BenchError(done.stderr.strip())
    return json.loads(done.stdout)


class BindPorts(Scenario):
    name, title, unit = "bind-ports", "10,000 ports bound, each", "us"
    question = "What does a port cost a process that has many?"
    method = f"bench_bind_ports on host a: {PORTS} UDP sockets bound to ports of the system's choosing."

    def measure(self, lab, side):
        report = json.loads(lab.run("a", on_side(side, ["bench_bind_ports", str(PORTS)]))[0])
        return report["seconds"] / report["ports"] * 1e6


class Steering(Scenario):
    """bench_steering (BPF_PROG_TEST_RUN) with few flows in the map, and with many."""
    unit = "ns"
    figure = staticmethod(min)  # a program that always does the same: whatever disturbs it only adds
    question = "Does the price of a packet grow with the number of flows?"

    def __init__(self, flows, which, title, target=None):
        self.name = f"steering-{which}-{flows}"
        self.title = f"{title}, {FEW_FLOWS} / {flows:,}"
        self.columns = (f"{FEW_FLOWS} flows", f"{flows:,} flows")
        self.method = ("bench_steering: a packet through the program host_ingress by BPF_PROG_TEST_RUN, with so many flows in "
                       "the map; " + {"same": "always of one flow.", "any": "of a random flow each time."}[which])
        self.target, self.headline = target, target is not None
        self._flows, self._which = flows, which

    def measure(self, lab, side):
        flows = FEW_FLOWS if side == HOST else self._flows
        return report_of("bench_steering", flows)[f"{self._which}_flow_ns"]


class ClassicFilter(Scenario):
    """bench_classic_filter with few ports, and with many: the classic wire's part in every packet of the host."""
    unit = "ns"
    figure = staticmethod(min)
    question = "What does the classic wire's filter add to each packet that is for nobody?"
    method = "bench_classic_filter: the filter that libpcap makes for so many ports, on one packet again and again."

    def __init__(self, ports):
        self.name, self.title = f"classic-filter-{ports}", f"classic wire's filter, {FEW_FLOWS} / {ports:,}"
        self.columns = (f"{FEW_FLOWS} ports", f"{ports:,} ports")
        self._ports = ports

    def measure(self, lab, side):
        return max(report_of("bench_classic_filter", FEW_FLOWS if side == HOST else self._ports)["packet_ns"], 1)


class Beside(Scenario):
    """iperf3 between the plain hosts; on the right with alpined running, or with a program under Alpine beside it."""
    unit, headline = "Gbit/s", True
    question = "What do programs pay that have nothing to do with Alpine?"

    def __init__(self, name, title, columns, busy, target):
        self.name, self.title, self.columns, self.target = name, title, columns, target
        self.method = f"iperf3 between the plain hosts, {SECONDS} s: {columns[0]} on the left, {columns[1]} on the right."
        self._busy = busy
        self._server = None

    def start(self, lab):
        self._server = lab.serve("b", ["iperf3", "-s", "-p", str(PORT)], port=PORT)

    def stop(self, lab):
        lab.daemon("stop", "a")
        lab.daemon("start", "a")
        if self._server is not None:
            lab.stop(self._server)

    def measure(self, lab, side):
        beside = None
        lab.daemon("stop", "a")
        if self._busy or side == ALPINE:
            lab.daemon("start", "a")
        if self._busy and side == ALPINE:
            # A stack with a thousand ports, which has nothing to send.
            beside = lab.serve("a", ["alp", "run", "--", "bench_bind_ports", "1000", "--wait"], says_ready=True)
        try:
            report = json.loads(lab.run("a", ["iperf3", "--json", "-c", ADDRESS_B, "-p", str(PORT), "-t",
                                              str(SECONDS)])[0])
        finally:
            if beside is not None:
                lab.stop(beside)
        return report["end"]["sum_received"]["bits_per_second"] / 1e9


class Forwarded(Scenario):
    """TCP from a third host to b by way of a, which forwards it: iperf3, on the right with an idle alpined on a."""
    unit = "Gbit/s"
    name, title, target = "forward-idle", "forwarded, no alpined / alpined idle", ratio_at_least(0.97)
    headline, columns = True, ("no alpined", "alpined idle")
    question = "What does a router pay for an alpined that has nothing to do?"
    method = f"iperf3, {SECONDS} s, from a third host to b by way of a, which forwards it; without alpined on a, and with it."

    def __init__(self):
        self._server = None

    def start(self, lab):
        a, c = lab.namespace("a"), lab.namespace("c")
        ip("netns", "add", c)
        ip("-n", a, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", c)
        for namespace, device, number in ((a, "eth1", 1), (c, "eth0", 2)):
            ip("-n", namespace, "addr", "add", f"10.78.0.{number}/24", "dev", device)
            ip("-n", namespace, "link", "set", device, "up")
        ip("-n", c, "route", "add", "default", "via", "10.78.0.1")
        ip("-n", lab.namespace("b"), "route", "add", "10.78.0.0/24", "via", ADDRESS_A)
        ip("netns", "exec", a, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self._server = lab.serve("b", ["iperf3", "-s", "-p", str(PORT)], port=PORT)

    def stop(self, lab):
        if self._server is not None:
            lab.stop(self._server)
        ip("netns", "delete", lab.namespace("c"))
        lab.daemon("stop", "a")
        lab.daemon("start", "a")

    def measure(self, lab, side):
        lab.daemon("stop", "a")
        if side == ALPINE:
            lab.daemon("start", "a")
        done = subprocess.run(["ip", "netns", "exec", lab.namespace("c"), "iperf3", "--json", "-c", ADDRESS_B, "-p",
                               str(PORT), "-t", str(SECONDS)], text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"iperf3 on the third host: exit {done.returncode}")
        return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9


def ip(*words):
    done = subprocess.run(["ip", *words], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"ip {' '.join(words)}: {done.stderr.strip()}")


SCENARIOS = [
    BindPorts(),
    Steering(1_000, "same", "steering, one flow", ratio_at_most(1.1)),
    Steering(100_000, "same", "steering, one flow", ratio_at_most(1.1)),
    Steering(1_000_000, "same", "steering, one flow", ratio_at_most(1.1)),
    Steering(100_000, "any", "  a packet of any flow"),
    ClassicFilter(100),
    ClassicFilter(1_000),
    Forwarded(),
    Beside("host-idle", "iperf3, no alpined / alpined idle", ("no alpined", "alpined idle"), False,
           ratio_at_least(0.97)),
    Beside("host-beside", "iperf3, alpined idle / a stack, too", ("alpined idle", "a stack, too"), True,
           ratio_at_least(0.95)),
]
