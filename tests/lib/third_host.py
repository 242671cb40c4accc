# SPDX-License-Identifier: GPL-2.0
"""A host c behind host b, which forwards: a (10.77.0.1) -- MTU 1500 -- b -- MTU 1300 -- c (10.78.0.2, fd78::2).

c does not know of the smaller MTU and lets its peers send 1500: who sends more than fits hears it from b."""
import contextlib
import subprocess

from lab import ADDRESS, ADDRESS6

ADDRESS_C = "10.78.0.2"
ADDRESS6_C = "fd78::2"
MTU = 1300


def ip(*words):
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def third_host(lab):
    """Answers a function that starts a command on c; what it has started is ended with the host."""
    b = "alpine-%s-b" % lab.environment["ALPINE_LAB"]
    c = "alpine-%s-c" % lab.environment["ALPINE_LAB"]
    started = []

    def start(command):
        started.append(subprocess.Popen(["ip", "netns", "exec", c, *command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True))
        return started[-1]

    ip("netns", "add", c)
    try:
        ip("-n", b, "link", "add", "eth1", "mtu", str(MTU), "type", "veth", "peer", "name", "eth0", "netns", c)
        for namespace, device, number in ((b, "eth1", 1), (c, "eth0", 2)):
            ip("-n", namespace, "addr", "add", "10.78.0.%d/24" % number, "dev", device)
            ip("-n", namespace, "addr", "add", "fd78::%d/64" % number, "dev", device, "nodad")
            for name in ("lo", device):
                ip("-n", namespace, "link", "set", name, "up")
            ip("netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0",
               "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        ip("-n", c, "route", "add", "default", "via", "10.78.0.1")
        ip("-n", c, "route", "add", "default", "via", "fd78::1")
        lab.run("a", ["ip", "route", "add", "10.78.0.0/24", "via", ADDRESS["b"]], user=False)
        lab.run("a", ["ip", "route", "add", "fd78::/64", "via", ADDRESS6["b"]], user=False)
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait()
        subprocess.run(["ip", "netns", "delete", c], check=False)
