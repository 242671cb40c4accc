# SPDX-License-Identifier: GPL-2.0
"""What is written of made-up samples: lines of the table, CSV, SVG, HTML."""
import csv
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import page
import plot
import report
from scenario import ALPINE, HOST, Outcome, Sample, Scenario, ratio_at_least


class Made(Scenario):
    name, title, unit, cpu_unit = "made-up", "made & up", "Gbit/s", "s/GB"
    question, method = "What is <it>?", "By thinking."
    target, peers = ratio_at_least(0.9), ("a peer", "another")


def outcome():
    made = Outcome(Made(), {HOST: [Sample(10, 2, 1), Sample(20, 4, 3)], ALPINE: [Sample(9, 3, 2), Sample(19, 5)],
                            "a peer": [Sample(1), Sample(4)]})
    made.peer_errors["another"] = "not <there>"
    return made


def failed():
    made = Outcome(Made(), {HOST: [Sample(10)], ALPINE: []}, error="it & that broke")
    made.scenario.name = "made-up-too"
    return made


class Lines(unittest.TestCase):
    def test_a_row_has_figures_ratio_spread_and_verdict(self):
        first = report.row(outcome()).splitlines()[0]
        for words in ("15.00 Gbit/s", "14.00 Gbit/s", "0.93", "0.90-0.95", "ratio at least 0.9", " met"):
            self.assertIn(words, first)

    def test_cpu_time_has_a_line(self):
        self.assertRegex(report.row(outcome()), r"(?m)^ +CPU of machine / process, s/GB +3 / 2 +4 / 2$")

    def test_peers_have_lines(self):
        lines = report.row(outcome()).splitlines()
        self.assertRegex(lines[2], r"a peer +2.50 Gbit/s +0.15 +0.10-0.20$")
        self.assertRegex(lines[3], r"another +failed +not <there>$")

    def test_a_peer_that_was_not_asked_has_none(self):
        made = outcome()
        made.peer_errors.clear()
        self.assertNotIn("another", report.row(made))

    def test_a_failure_is_not_met_and_says_why(self):
        first, second = report.row(failed()).splitlines()
        self.assertTrue(first.endswith("NOT MET"))
        self.assertEqual(second.strip(), "it & that broke")


class Files(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = Path(self._folder.name) / "bench"

    def test_csv_has_every_sample(self):
        report.write_csv(self.folder / "bench.csv", [outcome(), failed()])
        with open(self.folder / "bench.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 7)
        self.assertEqual(rows[0], {"scenario": "made-up", "unit": "Gbit/s", "side": HOST, "round": "1", "value": "10.0000",
                                   "cpu_unit": "s/GB", "machine_cpu": "2.0000", "process_cpu": "1.0000"})
        self.assertEqual((rows[3]["side"], rows[3]["round"], rows[3]["process_cpu"]), (ALPINE, "2", ""))

    def test_svg_is_whole_and_names_its_sides(self):
        plot.write_svgs(self.folder, [outcome(), failed()])
        self.assertEqual([path.name for path in self.folder.iterdir()], ["made-up.svg"])  # what failed has no pair
        root = ElementTree.parse(self.folder / "made-up.svg").getroot()
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        text = " ".join(root.itertext())
        for word in (HOST, ALPINE, "a peer", "Gbit/s", "ratio", "target"):
            self.assertIn(word, text)

    def test_svg_of_the_same_samples_is_the_same(self):
        self.assertEqual(plot.svg(outcome()), plot.svg(outcome()))

    def test_page_needs_no_other_file(self):
        page.write_page(self.folder / "index.html", [outcome(), failed()], [("processor", "a <fast> one")], 2)
        text = (self.folder / "index.html").read_text(encoding="utf-8")
        reader = PageReader()
        reader.feed(text)
        self.assertEqual(reader.open, [])
        self.assertEqual(reader.references, {"#made-up", "#made-up-too"})
        self.assertEqual(text.count("<svg"), 1)
        for words in ("What is &lt;it&gt;?", "By thinking.", "a &lt;fast&gt; one", "it &amp; that broke", "not &lt;there&gt;",
                      "0.90-0.95", "2 rounds"):
            self.assertIn(words, text)


class PageReader(HTMLParser):
    """The elements still open, and what the page refers to beyond its drawings' own parts."""
    VOID = {"meta"}

    def __init__(self):
        super().__init__()
        self.open, self.references, self.drawings = [], set(), 0

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        self.drawings += tag == "svg"
        if not self.drawings:
            self.references |= {value for name, value in attributes if name in ("href", "src")}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
        self.drawings -= tag == "svg"


if __name__ == "__main__":
    unittest.main()
