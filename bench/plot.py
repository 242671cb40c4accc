# SPDX-License-Identifier: GPL-2.0
"""One plot per scenario, as SVG: the samples of each side with their median and spread, a line joining what was measured as
a pair, and beside it the pairs' ratios with what is promised."""
import io

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text

from matplotlib import pyplot  # noqa: E402

from figures import median, spread  # noqa: E402
from sides import ALPINE, HOST  # noqa: E402

COLOURS = ["#555555", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b"]
SIZE_INCHES = (7.5, 2.6)


def write_svgs(folder, outcomes):
    """FOLDER/NAME.svg for each scenario that has samples."""
    folder.mkdir(parents=True, exist_ok=True)
    for outcome in outcomes:
        if outcome.values(ALPINE):
            (folder / f"{outcome.scenario.name}.svg").write_text(svg(outcome), encoding="utf-8")


def svg(outcome):
    """An <svg> element. Its ids are the scenario's own, so that several can stand in one page."""
    matplotlib.rcParams["svg.hashsalt"] = outcome.scenario.name
    figure, (samples, ratios) = pyplot.subplots(1, 2, figsize=SIZE_INCHES, width_ratios=[2, 1], layout="constrained")
    _plot_samples(samples, outcome)
    _plot_ratios(ratios, outcome)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return text.getvalue()[text.getvalue().index("<svg"):]


def _plot_samples(axes, outcome):
    measured = {side: outcome.values(side) for side in outcome.samples if outcome.samples[side]}
    for left, right in zip(outcome.values(HOST), outcome.values(ALPINE)):
        axes.plot([0, 1], [left, right], color="#cccccc", linewidth=1, zorder=1)
    for place, (side, values) in enumerate(measured.items()):
        colour = COLOURS[place % len(COLOURS)]
        axes.plot([place] * len(values), values, "o", color=colour, markersize=4, alpha=0.6, zorder=2)
        axes.vlines(place + 0.15, *spread(values), color=colour, linewidth=2)
        axes.plot([place + 0.15], [median(values)], "_", color=colour, markersize=12, markeredgewidth=2)
    axes.set_xticks(range(len(measured)), [_label(outcome, side) for side in measured],
                    fontsize=9 if len(measured) < 5 else 7.5)
    axes.set_xlim(-0.5, len(measured) - 0.5)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(outcome.scenario.unit)


def _label(outcome, side):
    columns = outcome.scenario.columns
    return {HOST: columns[0], ALPINE: columns[1]}.get(side, side)


def _plot_ratios(axes, outcome):
    ratios = outcome.ratios()
    if not ratios:
        axes.set_axis_off()
        return
    axes.plot(range(1, len(ratios) + 1), ratios, "o-", color=COLOURS[1], markersize=4, linewidth=1)
    axes.axhline(median(ratios), color=COLOURS[1], linewidth=1, linestyle="--")
    bound = outcome.scenario.target.ratio_bound if outcome.scenario.target else None
    if bound is not None:
        axes.axhline(bound, color="#d62728", linewidth=1)
        axes.annotate("target", (1, bound), color="#d62728", fontsize=8, va="top")
    axes.set_xticks(range(1, len(ratios) + 1))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("round")
    axes.set_ylabel("ratio")
