# SPDX-License-Identifier: GPL-2.0
"""What a scenario is, and how one is run: in pairs, host kernel and Alpine by turns, so that whatever else the
machine does falls on both. A figure is the median over the rounds unless the scenario says otherwise."""
import statistics
from dataclasses import dataclass, field
from typing import Callable

from lab import BenchError

HOST, ALPINE = "host kernel", "Alpine"


def on_side(side, argv):
    """The same command on either side."""
    return ["alp", "run", "--", *argv] if side == ALPINE else list(argv)


@dataclass(frozen=True)
class Target:
    """What Alpine promises: `holds` judges the figures of host and Alpine; `measured` words what was judged, where
    the table does not show it already."""
    text: str
    holds: Callable[[float, float], bool]
    measured: Callable[[float, float], str] = lambda host, alpine: ""


def ratio_at_least(bound):
    return Target(f"ratio at least {bound:g}", lambda host, alpine: alpine >= bound * host)


def ratio_at_most(bound):
    return Target(f"ratio at most {bound:g}", lambda host, alpine: alpine <= bound * host)


def alpine_at_most(bound, unit):
    return Target(f"at most {bound:g} {unit}", lambda _, alpine: alpine <= bound)


def extra_at_most(bound, unit):
    return Target(f"at most {bound:g} {unit} more", lambda host, alpine: alpine - host <= bound,
                  lambda host, alpine: f"{alpine - host:+.1f} {unit}")


class Scenario:
    """One row of the table. A subclass sets these and measures one side once."""
    name = ""      # on the command line and in the CSV
    title = ""     # in the table
    unit = ""
    target = None  # a Target, or None when nothing is promised yet
    figure = staticmethod(statistics.median)  # of one side's measurements

    def start(self, lab):
        """Starts what both sides need, on the other host."""

    def stop(self, lab):
        """Takes away what start() made; called also when it failed."""

    def measure(self, lab, side):
        """One measurement on one side, as a number of `unit`."""
        raise NotImplementedError


@dataclass
class Outcome:
    scenario: Scenario
    samples: dict = field(default_factory=lambda: {HOST: [], ALPINE: []})
    error: str = ""

    def figure(self, side):
        return self.scenario.figure(self.samples[side])

    @property
    def ratio(self):
        return self.figure(ALPINE) / self.figure(HOST)

    @property
    def met(self):
        """True or False for a scenario with a target, None for one without."""
        if self.error:
            return False
        target = self.scenario.target
        return None if target is None else target.holds(self.figure(HOST), self.figure(ALPINE))


def run_scenario(lab, scenario, rounds):
    outcome = Outcome(scenario)
    try:
        scenario.start(lab)
        for _ in range(rounds):
            for side in (HOST, ALPINE):
                outcome.samples[side].append(scenario.measure(lab, side))
    except BenchError as error:
        outcome.error = str(error)
    finally:
        scenario.stop(lab)
    return outcome
