# SPDX-License-Identifier: GPL-2.0
"""Bulk transfer with iperf3 over one TCP connection."""
import json

from lab import ADDRESS_B, ADDRESS_B6
from scenario import Scenario, on_side, ratio_at_least

PORT = 5201
SECONDS = 3


class Bulk(Scenario):
    unit = "Gbit/s"

    def __init__(self, name, title, options=(), address=ADDRESS_B, target=None):
        self.name, self.title, self.target = name, title, target
        self._options, self._address = list(options), address
        self._server = None

    def start(self, lab):
        self._server = lab.serve("b", ["iperf3", "-s", "-p", str(PORT)], port=PORT)

    def stop(self, lab):
        if self._server is not None:
            lab.stop(self._server)

    def measure(self, lab, side):
        command = ["iperf3", "--json", "-c", self._address, "-p", str(PORT), "-t", str(SECONDS), *self._options]
        report = json.loads(lab.run("a", on_side(side, command))[0])
        return report["end"]["sum_received"]["bits_per_second"] / 1e9


SCENARIOS = [
    Bulk("bulk-send", "bulk TCP, sending", target=ratio_at_least(0.5)),
    Bulk("bulk-receive", "bulk TCP, receiving", ["-R"], target=ratio_at_least(0.5)),
    Bulk("bulk-send-8", "bulk TCP, sending, 8 streams", ["-P", "8"]),
    Bulk("bulk-send-v6", "bulk TCP, sending, IPv6", address=ADDRESS_B6),
]
