# SPDX-License-Identifier: GPL-2.0
"""Connections opened and closed one after the other."""
import json

from lab import ADDRESS_B
from scenario import Scenario, on_side, per_request, ratio_at_least

PORT = 7008
COUNT = 3000


class Connect(Scenario):
    unit, cpu_unit = "per s", "us/request"

    def __init__(self, name, title, options=(), target=None):
        self.name, self.title, self.target = name, title, target
        self.question = f"How many connections a second can a program open and close, one after the other: {title}?"
        self.method = (f"bench_connect on host a, {COUNT} connections to bench_echo_server on host b; each is closed by host a "
                       "before the next is opened.")
        self._options = options
        self._server = None

    def start(self, lab):
        self._server = lab.serve("b", ["bench_echo_server", "tcp", ADDRESS_B, str(PORT)], says_ready=True)

    def stop(self, lab):
        if self._server is not None:
            lab.stop(self._server)

    def measure(self, lab, side):
        command = ["bench_connect", *self._options, ADDRESS_B, str(PORT), str(COUNT)]
        report = json.loads(lab.run("a", on_side(side, command))[0])
        return per_request(report["per_second"], report, report["count"])


SCENARIOS = [
    Connect("connect-request", "connect, one request, close", ["--request"], ratio_at_least(0.8)),
    Connect("connect-only", "connect, close"),
]
