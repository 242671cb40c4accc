# SPDX-License-Identifier: GPL-2.0
"""One-byte question and answer."""
import json

from lab import ADDRESS_B
from scenario import Scenario, on_side, ratio_at_most

PORT = 7007
COUNT = 3000


class RoundTrip(Scenario):
    unit = "us"

    def __init__(self, protocol, statistic, title, target=None):
        self.name, self.title, self.target = f"rtt-{protocol}-{statistic}", title, target
        self._protocol, self._statistic = protocol, statistic
        self._server = None

    def start(self, lab):
        self._server = lab.serve("b", ["bench_echo_server", self._protocol, ADDRESS_B, str(PORT)], says_ready=True)

    def stop(self, lab):
        if self._server is not None:
            lab.stop(self._server)

    def measure(self, lab, side):
        command = ["bench_rtt", self._protocol, ADDRESS_B, str(PORT), str(COUNT)]
        return json.loads(lab.run("a", on_side(side, command))[0])[f"{self._statistic}_us"]


SCENARIOS = [
    RoundTrip("tcp", "median", "one-byte round trip, TCP", ratio_at_most(2.0)),
    RoundTrip("tcp", "p99", "  its 99th percentile"),
    RoundTrip("udp", "median", "one-byte round trip, UDP"),
]
