# SPDX-License-Identifier: GPL-2.0
"""What the benchmarks print, and the file of all samples."""
import csv

from figures import median, spread
from sides import ALPINE, HOST

ROW = "{:<36} {:>16} {:>16} {:>7} {:>13}   {:<20} {}"


def header():
    return ROW.format("", HOST, ALPINE, "ratio", "spread", "target", "").rstrip()


def with_unit(value, unit):
    return f"{value:.2f} {unit}"


def ratio_words(ratios):
    """(the median, the spread), as text."""
    if not ratios:
        return "-", ""
    least, greatest = spread(ratios)
    return f"{median(ratios):.2f}", f"{least:.2f}-{greatest:.2f}"


def verdict(outcome):
    if outcome.met is None:
        return ""
    wording = outcome.scenario.target.wording(outcome.judged) if outcome.judged is not None else ""
    return ("met" if outcome.met else "NOT MET") + (f" ({wording})" if wording else "")


def cpu_words(outcome, side):
    """"machine / process" in the scenario's unit; empty when there is none."""
    numbers = outcome.cpu(side)
    return " / ".join("-" if number is None else f"{number:.3g}" for number in numbers) if any(numbers) else ""


def row(outcome):
    """Of the table; further lines for CPU time and for the peers."""
    scenario = outcome.scenario
    promised = scenario.target.text if scenario.target else ""
    if outcome.error:
        host = with_unit(outcome.figure(HOST), scenario.unit) if outcome.values(HOST) else ""
        return ROW.format(scenario.title, host, "failed", "", "", promised, "NOT MET").rstrip() + f"\n    {outcome.error}"
    sides = [with_unit(outcome.figure(side), scenario.unit) for side in (HOST, ALPINE)]
    lines = [ROW.format(scenario.title, *sides, *ratio_words(outcome.ratios()), promised, verdict(outcome)).rstrip()]
    if scenario.cpu_unit:
        words = [cpu_words(outcome, side) for side in (HOST, ALPINE)]
        lines.append(ROW.format(f"    CPU of machine / process, {scenario.cpu_unit}", *words, "", "", "", "").rstrip())
    return "\n".join(lines + [peer_row(outcome, peer) for peer in scenario.peers if was_tried(outcome, peer)])


def was_tried(outcome, peer):
    return peer in outcome.peer_errors or peer in outcome.samples


def peer_row(outcome, peer):
    if peer in outcome.peer_errors:
        return ROW.format(f"    {peer}", "", "failed", "", "", "", outcome.peer_errors[peer]).rstrip()
    figure = with_unit(outcome.figure(peer), outcome.scenario.unit)
    return ROW.format(f"    {peer}", "", figure, *ratio_words(outcome.ratios(peer)), "", "").rstrip()


COLUMNS = ["scenario", "unit", "side", "round", "value", "cpu_unit", "machine_cpu", "process_cpu"]


def write_csv(path, outcomes):
    """Every single measurement, one per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for outcome in outcomes:
            for side, samples in outcome.samples.items():
                for number, sample in enumerate(samples, 1):
                    writer.writerow([outcome.scenario.name, outcome.scenario.unit, side, number,
                                     f"{sample.value:.4f}", outcome.scenario.cpu_unit, _number(sample.machine_cpu),
                                     _number(sample.process_cpu)])


def _number(value):
    return "" if value is None else f"{value:.4f}"
