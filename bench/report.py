# SPDX-License-Identifier: GPL-2.0
"""What the benchmarks print and write."""
import csv

from scenario import ALPINE, HOST

ROW = "{:<34} {:>16} {:>16} {:>7}   {:<20} {}"


def header():
    return ROW.format("", HOST, ALPINE, "ratio", "target", "").rstrip()


def row(outcome):
    scenario, target = outcome.scenario, outcome.scenario.target
    promised = target.text if target else ""
    if outcome.error:
        return ROW.format(scenario.title, "", "failed", "", promised, "NOT MET").rstrip() + f"\n    {outcome.error}"
    host, alpine = outcome.figure(HOST), outcome.figure(ALPINE)
    verdict = ""
    if target:
        measured = target.measured(host, alpine)
        verdict = ("met" if outcome.met else "NOT MET") + (f" ({measured})" if measured else "")
    figures = [f"{value:.2f} {scenario.unit}" for value in (host, alpine)]
    return ROW.format(scenario.title, *figures, f"{outcome.ratio:.2f}", promised, verdict).rstrip()


def write_csv(path, outcomes):
    """Every single measurement, one per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["scenario", "unit", "side", "round", "value"])
        for outcome in outcomes:
            for side, samples in outcome.samples.items():
                for number, value in enumerate(samples, 1):
                    writer.writerow([outcome.scenario.name, outcome.scenario.unit, side, number, f"{value:.4f}"])
