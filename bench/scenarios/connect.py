# SPDX-License-Identifier: GPL-2.0
"""Connections opened and closed one after the other."""
import json

from lab import ADDRESS_B
from scenario import Scenario, on_side

PORT = 7008
COUNT = 1000


class Connect(Scenario):
    name, title, unit = "connect", "TCP connections opened and closed", "per s"

    def __init__(self):
        self._server = None

    def start(self, lab):
        self._server = lab.serve("b", ["bench_echo_server", "tcp", ADDRESS_B, str(PORT)], says_ready=True)

    def stop(self, lab):
        if self._server is not None:
            lab.stop(self._server)

    def measure(self, lab, side):
        command = ["bench_connect", ADDRESS_B, str(PORT), str(COUNT)]
        return json.loads(lab.run("a", on_side(side, command))[0])["per_second"]


SCENARIOS = [Connect()]
