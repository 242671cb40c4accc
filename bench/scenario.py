# SPDX-License-Identifier: GPL-2.0
"""What a scenario is, and how one is run: in pairs, host kernel and Alpine by turns, so that whatever else the
machine does falls on both. A figure is the median over the rounds unless the scenario says otherwise; the ratio is the
median of the rounds' own ratios."""
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable

import figures
from lab import BenchError
from sides import ALPINE, HOST, on_side  # noqa: F401  (the scenarios take them from here)


@dataclass(frozen=True)
class Sample:
    """One measurement of one side. CPU is in the scenario's `cpu_unit`."""
    value: float
    machine_cpu: float | None = None  # of the whole machine, both ends
    process_cpu: float | None = None  # of what was measured


def per_gigabyte(value, report, transferred_bytes):
    """A Sample with CPU seconds per GB, of a report that holds machine_cpu_s and process_cpu_s."""
    return _per(value, report, transferred_bytes / 1e9)


def per_request(value, report, requests):
    """A Sample with microseconds of CPU per request."""
    return _per(value, report, requests / 1e6)


def _per(value, report, amount):
    if amount <= 0:
        raise BenchError("nothing was transferred")
    return Sample(value, report["machine_cpu_s"] / amount, report["process_cpu_s"] / amount)


@dataclass(frozen=True)
class Target:
    """What Alpine promises. `judged` takes the figure that it is judged by from the outcome, None when there is none;
    `wording` puts that figure into words where the table does not show it already."""
    text: str
    judged: Callable[["Outcome"], float | None]
    holds: Callable[[float], bool]
    wording: Callable[[float], str] = lambda figure: ""
    ratio_bound: float | None = None  # for the plot


def ratio_at_least(bound):
    return Target(f"ratio at least {bound:g}", lambda outcome: outcome.ratio, lambda ratio: ratio >= bound,
                  ratio_bound=bound)


def ratio_at_most(bound):
    return Target(f"ratio at most {bound:g}", lambda outcome: outcome.ratio, lambda ratio: ratio <= bound,
                  ratio_bound=bound)


def alpine_at_most(bound, unit):
    return Target(f"at most {bound:g} {unit}", lambda outcome: outcome.figure(ALPINE), lambda figure: figure <= bound)


def extra_at_most(bound, unit):
    return Target(f"at most {bound:g} {unit} more", lambda outcome: outcome.figure(ALPINE) - outcome.figure(HOST),
                  lambda extra: extra <= bound, lambda extra: f"{extra:+.1f} {unit}")


class Scenario:
    """One row of the table. A subclass sets these and measures one side once."""
    name = ""      # on the command line and in the CSV
    title = ""     # in the table
    question = ""  # what the row answers
    method = ""    # how
    unit = ""
    columns = (HOST, ALPINE)  # what the two sides are, where they are something else
    cpu_unit = ""             # of the samples' CPU: "s/GB" or "us/request"; empty when it is not measured
    target = None             # a Target, or None when nothing is promised
    headline = False          # one of the few that ./dev demo shows
    peers = ()                # further sides (sides.py), shown beside
    figure = staticmethod(statistics.median)  # of one side's measurements

    def start(self, lab):
        """Starts what both sides need, on the other host."""

    def stop(self, lab):
        """Takes away what start() made; called also when it failed."""

    def measure(self, lab, side):
        """One measurement on one side: a Sample, or a number of `unit`."""
        raise NotImplementedError


class SharedRuns:
    """One run gives the figures of several rows: each row takes the runs of a side in turn, and whoever is first makes
    them. A run that failed fails for all."""

    def __init__(self, run):
        self._run, self._results, self._taken = run, {}, Counter()

    def next(self, row, lab, side):
        number = self._taken[row, side]
        self._taken[row, side] += 1
        results = self._results.setdefault(side, [])
        if len(results) <= number:
            results.append(self._outcome_of_run(lab, side))
        if isinstance(results[number], BenchError):
            raise results[number]
        return results[number]

    def _outcome_of_run(self, lab, side):
        try:
            return self._run(lab, side)
        except BenchError as error:
            return error


@dataclass
class Outcome:
    scenario: Scenario
    samples: dict = field(default_factory=lambda: {HOST: [], ALPINE: []})
    error: str = ""
    peer_errors: dict = field(default_factory=dict)

    def values(self, side):
        return [sample.value for sample in self.samples[side]]

    def figure(self, side):
        return self.scenario.figure(self.values(side))

    def ratios(self, side=ALPINE):
        """Of each round, to the host kernel."""
        return figures.paired_ratios(self.values(HOST), self.values(side))

    @property
    def ratio(self):
        return figures.median(self.ratios())

    def cpu(self, side):
        """(machine, process), medians in the scenario's cpu_unit; None where it was not measured."""
        columns = [[sample.machine_cpu for sample in self.samples[side]],
                   [sample.process_cpu for sample in self.samples[side]]]
        return tuple(figures.median([value for value in column if value is not None]) for column in columns)

    @property
    def judged(self):
        """The figure that the target is about; None without a target, or when there is no such figure."""
        return self.scenario.target.judged(self) if self.scenario.target and not self.error else None

    @property
    def met(self):
        """True or False for a scenario with a target, None for one without."""
        if self.error:
            return False
        if self.scenario.target is None:
            return None
        return self.judged is not None and self.scenario.target.holds(self.judged)


def run_scenario(lab, scenario, rounds, with_peers=False):
    outcome = Outcome(scenario)
    try:
        scenario.start(lab)
        for _ in range(rounds):
            for side in (HOST, ALPINE):
                outcome.samples[side].append(_measured(lab, scenario, side))
            if with_peers:
                _measure_peers(lab, scenario, outcome)
    except BenchError as error:
        outcome.error = str(error)
    finally:
        scenario.stop(lab)
    return outcome


def _measured(lab, scenario, side):
    try:
        measured = scenario.measure(lab, side)
    except (ValueError, KeyError, IndexError) as error:
        raise BenchError(f"no report that can be read: {error!r}") from None
    return measured if isinstance(measured, Sample) else Sample(measured)


def _measure_peers(lab, scenario, outcome):
    """A peer that fails is left out from then on, and its row says why."""
    for peer in scenario.peers:
        if peer in outcome.peer_errors:
            continue
        try:
            sample = _measured(lab, scenario, peer)
            outcome.samples.setdefault(peer, []).append(sample)
        except BenchError as error:
            outcome.peer_errors[peer] = str(error)
