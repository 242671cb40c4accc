# SPDX-License-Identifier: GPL-2.0
"""Ratios by pairs, and what is judged by them."""
import unittest

from figures import median, paired_ratios, spread
from lab import BenchError
from scenario import (ALPINE, HOST, Outcome, Sample, Scenario, SharedRuns, alpine_at_most, extra_at_most, per_gigabyte,
                      per_request, ratio_at_least, ratio_at_most, run_scenario)
from scenarios import ALL


def outcome_of(host, alpine, target=None):
    scenario = Scenario()
    scenario.target = target
    return Outcome(scenario, {HOST: [Sample(value) for value in host], ALPINE: [Sample(value) for value in alpine]})


class Ratios(unittest.TestCase):
    def test_each_pair_has_its_own(self):
        self.assertEqual(paired_ratios([10, 20, 40], [10, 10, 10]), [1, 0.5, 0.25])

    def test_the_row_has_the_median_of_the_pairs(self):
        # The machine was slow in two rounds, for both alike: a ratio of the medians would be 0.5 / 1.
        outcome = outcome_of([10, 1, 1], [9, 0.9, 0.5])
        self.assertAlmostEqual(outcome.ratio, 0.9)
        self.assertEqual(spread(outcome.ratios()), (0.5, 0.9))

    def test_a_pair_without_a_host_figure_has_none(self):
        self.assertEqual(paired_ratios([0, 2], [3, 3]), [1.5])
        self.assertIsNone(outcome_of([0, 0], [0, 0]).ratio)

    def test_nothing_has_no_median_and_no_spread(self):
        self.assertIsNone(median([]))
        self.assertIsNone(spread([]))


class Targets(unittest.TestCase):
    def test_a_bound_is_met_where_it_lies(self):
        self.assertTrue(outcome_of([10], [9], ratio_at_least(0.9)).met)
        self.assertFalse(outcome_of([10], [8.9], ratio_at_least(0.9)).met)
        self.assertTrue(outcome_of([10], [10], ratio_at_most(1.0)).met)
        self.assertFalse(outcome_of([10], [10.1], ratio_at_most(1.0)).met)

    def test_absolute_bounds_are_about_alpine_alone(self):
        self.assertTrue(outcome_of([900, 900], [0, 0], alpine_at_most(0, "per s")).met)
        self.assertFalse(outcome_of([0, 0], [0.1, 0.1], alpine_at_most(0, "per s")).met)

    def test_a_difference_is_between_the_figures(self):
        self.assertTrue(outcome_of([10], [42], extra_at_most(32, "MiB")).met)
        self.assertFalse(outcome_of([10], [43], extra_at_most(32, "MiB")).met)

    def test_no_ratio_meets_no_bound(self):
        self.assertFalse(outcome_of([0], [0], ratio_at_least(0.9)).met)

    def test_what_failed_is_not_met(self):
        outcome = outcome_of([10], [10], ratio_at_least(0.9))
        outcome.error = "no"
        self.assertFalse(outcome.met)

    def test_nothing_promised_is_neither(self):
        self.assertIsNone(outcome_of([10], [10]).met)


class CpuTime(unittest.TestCase):
    REPORT = {"machine_cpu_s": 3, "process_cpu_s": 1}

    def test_seconds_for_each_gigabyte(self):
        self.assertEqual(per_gigabyte(7, self.REPORT, 2e9), Sample(7, 1.5, 0.5))

    def test_microseconds_for_each_request(self):
        self.assertEqual(per_request(7, self.REPORT, 1_000_000), Sample(7, 3, 1))

    def test_nothing_transferred_is_an_error(self):
        with self.assertRaises(BenchError):
            per_gigabyte(7, self.REPORT, 0)

    def test_of_a_side_is_the_median(self):
        outcome = outcome_of([1], [1])
        outcome.samples[HOST] = [Sample(1, 5, 1), Sample(1, 9, 2), Sample(1, 7, 3)]
        self.assertEqual(outcome.cpu(HOST), (7, 2))
        self.assertEqual(outcome.cpu(ALPINE), (None, None))


class Scripted(Scenario):
    """Measures what it is told to."""
    name, peers = "scripted", ("a peer",)

    def __init__(self, values):
        self.values, self.stopped = {side: list(of_side) for side, of_side in values.items()}, False

    def measure(self, lab, side):
        value = self.values[side].pop(0)
        if isinstance(value, BenchError):
            raise value
        return value

    def stop(self, lab):
        self.stopped = True


class Runs(unittest.TestCase):
    def test_sides_by_turns(self):
        outcome = run_scenario(None, Scripted({HOST: [1, 2], ALPINE: [3, 4]}), 2)
        self.assertEqual((outcome.values(HOST), outcome.values(ALPINE)), ([1, 2], [3, 4]))

    def test_what_fails_says_so_and_is_stopped(self):
        scenario = Scripted({HOST: [1], ALPINE: [BenchError("broken")]})
        outcome = run_scenario(None, scenario, 2)
        self.assertEqual((outcome.error, outcome.met, scenario.stopped), ("broken", False, True))

    def test_a_peer_that_fails_is_left_out(self):
        scenario = Scripted({HOST: [1, 1], ALPINE: [1, 1], "a peer": [BenchError("not there"), 5]})
        outcome = run_scenario(None, scenario, 2, with_peers=True)
        self.assertEqual((outcome.error, outcome.peer_errors), ("", {"a peer": "not there"}))
        self.assertNotIn("a peer", outcome.samples)

    def test_rows_share_runs(self):
        made = []
        runs = SharedRuns(lambda lab, side: made.append(side) or len(made))
        rows = [[runs.next(row, None, HOST) for _ in range(2)] for row in ("first row", "second row")]
        self.assertEqual((rows, made), ([[1, 2], [1, 2]], [HOST, HOST]))

    def test_a_failed_run_fails_for_all_rows(self):
        made = []

        def fail(lab, side):
            made.append(side)
            raise BenchError("broken")

        runs = SharedRuns(fail)
        for row in ("first row", "second row"):
            with self.assertRaisesRegex(BenchError, "broken"):
                runs.next(row, None, HOST)
        self.assertEqual(made, [HOST])


class Table(unittest.TestCase):
    def test_every_scenario_says_what_it_asks_and_how(self):
        for scenario in ALL:
            with self.subTest(scenario.name):
                self.assertTrue(scenario.title and scenario.unit and scenario.question and scenario.method)

    def test_names_are_different(self):
        names = [scenario.name for scenario in ALL]
        self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
