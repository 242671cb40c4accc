# SPDX-License-Identifier: GPL-2.0
"""Bulk transfer with iperf3 over TCP connections."""
import json

import lwip
from lab import ADDRESS_B, ADDRESS_B6
from scenario import Scenario, on_side, per_gigabyte, ratio_at_least
from sides import CLASSIC, LWIP, PASTA, SLIRP, is_user

PORT = 5201
SECONDS = 3


class Bulk(Scenario):
    unit, cpu_unit = "Gbit/s", "s/GB"

    def __init__(self, name, title, options=(), address=ADDRESS_B, target=None, headline=False, peers=()):
        self.name, self.title, self.target, self.headline, self.peers = name, title, target, headline, peers
        self.question = f"How much does a program move: {title}?"
        self.method = (f"iperf3 {' '.join(['-c', *options])} on host a for {SECONDS} s, its server on host b on the host's "
                       "kernel; what the receiver counted. The process whose CPU time is given is the one on host a.")
        self._options, self._address = list(options), address
        self._server = None

    def start(self, lab):
        self._server = lab.serve("b", ["iperf3", "-s", "-p", str(PORT)], port=PORT)

    def stop(self, lab):
        if self._server is not None:
            lab.stop(self._server)

    def measure(self, lab, side):
        if side == LWIP:
            arrived, report = lwip.bulk(lab)
            return per_gigabyte(arrived["bytes"] * 8 / arrived["seconds"] / 1e9, report, arrived["bytes"])
        command = ["iperf3", "--json", "-c", self._address, "-p", str(PORT), "-t", str(SECONDS), *self._options]
        out, usage = lab.run("a", ["bench_usage", *on_side(side, command)], user=is_user(side))
        received = json.loads(out)["end"]["sum_received"]
        return per_gigabyte(received["bits_per_second"] / 1e9, json.loads(usage.splitlines()[-1]), received["bytes"])


PEERS = (CLASSIC, SLIRP, PASTA)

SCENARIOS = [
    Bulk("bulk-send", "bulk TCP, sending", target=ratio_at_least(0.9), headline=True, peers=(*PEERS, LWIP)),
    Bulk("bulk-receive", "bulk TCP, receiving", ["-R"], target=ratio_at_least(0.9), headline=True, peers=PEERS),
    Bulk("bulk-send-8", "bulk TCP, sending, 8 streams", ["-P", "8"], target=ratio_at_least(0.9)),
    Bulk("bulk-receive-8", "bulk TCP, receiving, 8 streams", ["-R", "-P", "8"], target=ratio_at_least(0.9)),
    Bulk("bulk-send-v6", "bulk TCP, sending, IPv6", address=ADDRESS_B6),
]
