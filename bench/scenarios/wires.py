# SPDX-License-Identifier: GPL-2.0
"""The classic wire beside the steer wire: in these rows the left column is Alpine on steer, the right one on classic."""
from scenario import ALPINE, Scenario, on_side
from scenarios import bulk, connect, rtt

PREFIX = on_side(ALPINE, [])


class OnWire:
    """A lab whose programs under Alpine use one wire."""

    def __init__(self, lab, wire):
        self._lab, self._wire = lab, wire

    def run(self, host, argv):
        if argv[:len(PREFIX)] == PREFIX:
            argv = ["alp", "run", "--wire", self._wire, "--", *argv[len(PREFIX):]]
        return self._lab.run(host, argv)


class Wires(Scenario):
    """Another scenario, on two wires instead of two kernels."""

    def __init__(self, inner):
        self._inner, self.unit, self.figure = inner, inner.unit, inner.figure
        self.name, self.title = "classic-" + inner.name, "classic:steer " + inner.title.strip()

    def start(self, lab):
        self._inner.start(lab)

    def stop(self, lab):
        self._inner.stop(lab)

    def measure(self, lab, side):
        return self._inner.measure(OnWire(lab, "classic" if side == ALPINE else "steer"), ALPINE)


MEASURED = {"bulk-send", "bulk-receive", "rtt-tcp-median", "connect"}
SCENARIOS = [Wires(scenario) for scenario in [*bulk.SCENARIOS, *rtt.SCENARIOS, *connect.SCENARIOS]
             if scenario.name in MEASURED]
