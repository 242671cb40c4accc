# SPDX-License-Identifier: GPL-2.0
"""lwIP as a peer: bench_lwip on a TAP device of host a, which forwards between it and the cable."""
import json
import subprocess

from lab import ADDRESS_A, ADDRESS_B, BenchError

DEVICE = "lwip0"
NETWORK, OWN, GATEWAY = "10.79.0.0/24", "10.79.0.2", "10.79.0.1"
PORT = 7016
SECONDS = 3


def ip(*words):
    done = subprocess.run(["ip", *words], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class TapDevice:
    """The device, and the way to it; both gone on exit."""

    def __init__(self, lab):
        self._a, self._b = lab.namespace("a"), lab.namespace("b")

    def __enter__(self):
        ip("-n", self._a, "tuntap", "add", DEVICE, "mode", "tap")
        ip("-n", self._a, "addr", "add", f"{GATEWAY}/24", "dev", DEVICE)
        ip("-n", self._a, "link", "set", DEVICE, "up")
        ip("netns", "exec", self._a, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        ip("-n", self._b, "route", "add", NETWORK, "via", ADDRESS_A)
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "-n", self._b, "route", "delete", NETWORK], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "exec", self._a, "sysctl", "-qw", "net.ipv4.ip_forward=0"], check=False)
        subprocess.run(["ip", "-n", self._a, "link", "delete", DEVICE], capture_output=True, check=False)


def run(lab, what, port, amount):
    with TapDevice(lab):
        command = ["bench_lwip", DEVICE, OWN, GATEWAY, what, ADDRESS_B, str(port), str(amount)]
        return json.loads(lab.run("a", command, user=False)[0])


def bulk(lab):
    """(what the receiver counted, what the sender reports)."""
    sink = lab.serve("b", ["bench_sink", "tcp", ADDRESS_B, str(PORT)], says_ready=True)
    try:
        sender = run(lab, "bulk", PORT, SECONDS)
        return json.loads(lab.line_from(sink)), sender
    finally:
        lab.stop(sink)


def round_trips(lab, port, count):
    return run(lab, "rtt", port, count)
