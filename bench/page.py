# SPDX-License-Identifier: GPL-2.0
"""One HTML page with everything: a table, then for each scenario its question, its method and its result. It needs no other
file."""
from html import escape

import plot
from report import cpu_words, ratio_words, verdict, was_tried, with_unit
from sides import ALPINE, HOST

STYLE = """
body { font: 15px/1.45 sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; } td, th { padding: .25em .7em; border-bottom: 1px solid #ddd; }
th { text-align: left; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
.met { color: #18701a; } .missed { color: #b00020; font-weight: bold; } section { margin: 2.5em 0; }
svg { max-width: 100%; height: auto; } .why { color: #b00020; }
"""


def write_page(path, outcomes, machine, rounds):
    """`machine` is what machine.description() gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(outcomes, machine, rounds), encoding="utf-8")


def page(outcomes, machine, rounds):
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Alpine beside the host kernel</title>',
        f"<style>{STYLE}</style></head>\n<body>\n<h1>Alpine beside the host kernel</h1>",
        f"<p>{rounds} rounds; in each, either side was measured once, one right after the other. Figures are medians (of "
        "single calls: the least). A ratio is the median of the rounds' own ratios, its spread the least and the greatest. "
        "CPU time is that of the whole machine with both ends, and that of the measured process.</p>",
        _machine_table(machine), _summary(outcomes), *map(_section, outcomes), "</body>\n</html>\n"])


def _machine_table(machine):
    lines = "".join(f"<tr><th>{escape(what)}</th><td>{escape(value)}</td></tr>" for what, value in machine)
    return f"<h2>Machine</h2>\n<table>{lines}</table>"


def _table(head, rows):
    head_cells = "".join(f"<th>{cell}</th>" for cell in head)
    return f"<table><tr>{head_cells}</tr>\n" + "\n".join(rows) + "</table>"


def _cells(*words):
    return "".join(f'<td class="number">{escape(word)}</td>' for word in words)


def _summary(outcomes):
    head = ["", HOST, ALPINE, "ratio", "spread", "target", "", "CPU", "", "unit"]
    return "<h2>All scenarios</h2>\n" + _table(head, map(_summary_row, outcomes))


def _summary_row(outcome):
    scenario = outcome.scenario
    link = f'<td><a href="#{scenario.name}">{escape(scenario.title)}</a></td>'
    target = escape(scenario.target.text) if scenario.target else ""
    if outcome.error:
        return f'<tr>{link}{_cells("", "failed", "", "")}<td>{target}</td><td class="missed">NOT MET</td></tr>'
    figures = [with_unit(outcome.figure(side), scenario.unit) for side in (HOST, ALPINE)]
    return (f"<tr>{link}{_cells(*figures, *ratio_words(outcome.ratios()))}<td>{target}</td>{_verdict_cell(outcome)}"
            f"{_cells(cpu_words(outcome, HOST), cpu_words(outcome, ALPINE))}<td>{escape(scenario.cpu_unit)}</td></tr>")


def _verdict_cell(outcome):
    style = {True: "met", False: "missed", None: ""}[outcome.met]
    return f'<td class="{style}">{escape(verdict(outcome))}</td>'


def _section(outcome):
    scenario = outcome.scenario
    parts = [f'<section id="{scenario.name}"><h2>{escape(scenario.title.strip())} <small>({scenario.name})</small></h2>',
             f"<p><b>Question.</b> {escape(scenario.question)}</p>", f"<p><b>Method.</b> {escape(scenario.method)}</p>"]
    if outcome.error:
        parts.append(f'<p class="why"><b>Failed.</b> {escape(outcome.error)}</p>')
    else:
        parts.append(_result(outcome))
    if outcome.values(ALPINE):
        parts.append(plot.svg(outcome))
    return "\n".join(parts) + "</section>"


def _result(outcome):
    scenario = outcome.scenario
    rows = [_side_row(outcome, side, name) for side, name in zip((HOST, ALPINE), scenario.columns)]
    for peer in scenario.peers:
        if peer in outcome.peer_errors:
            rows.append(f'<tr><th>{escape(peer)}</th><td colspan="4" class="why">failed: '
                        f"{escape(outcome.peer_errors[peer])}</td></tr>")
        elif was_tried(outcome, peer):
            rows.append(_side_row(outcome, peer, peer))
    promised = ""
    if scenario.target:
        promised = f"<p><b>Target.</b> {escape(scenario.target.text)}: {escape(verdict(outcome))}</p>"
    cpu = f"CPU of machine / process, {escape(scenario.cpu_unit)}" if scenario.cpu_unit else ""
    return _table(["", escape(scenario.unit), "ratio", "spread", cpu], rows) + promised


def _side_row(outcome, side, name):
    ratio = ("", "") if side == HOST else ratio_words(outcome.ratios(side))
    figure = f"{outcome.figure(side):.2f}"
    return f"<tr><th>{escape(name)}</th>{_cells(figure, *ratio, cpu_words(outcome, side))}</tr>"
