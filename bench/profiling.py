# SPDX-License-Identifier: GPL-2.0
"""Where the time goes: Alpine's side of a scenario, once, under perf. Every process of Alpine's is recorded from its start,
with the kernel's part; the stack is an ELF file mapped in it, whose symbols perf finds by itself."""
import re
import subprocess
import tempfile
from pathlib import Path

from lab import BenchError, Lab
from sides import ALPINE, is_alpine

FREQUENCY_HZ = 5_000  # twice that halves what some scenarios do on a virtual machine
TOP, TOP_IMAGES = 40, 8


class RecordedLab(Lab):
    """A lab in which perf watches what runs under Alpine. It does so as root and from outside: whom it watches is an
    unprivileged user all the same."""

    def __init__(self, instance, folder):
        super().__init__(instance)
        self._folder, self.recordings = folder, []

    def _on(self, host, argv, user=True):
        command = super()._on(host, argv, user)
        if not is_alpine(argv):
            return command
        self.recordings.append(self._folder / f"perf-{len(self.recordings)}.data")
        # A virtual machine has no counters for cycles: the CPU's clock it is.
        return ["perf", "record", "--quiet", "-e", "cpu-clock", "-F", str(FREQUENCY_HZ), "-g", "-o",
                str(self.recordings[-1]), "--", *command]


def profile(instance, scenario, path):
    """Measures Alpine's side once; writes what perf says to the path. Returns the symbols with the most time of their own."""
    with tempfile.TemporaryDirectory(prefix="alpine-bench-") as folder, RecordedLab(instance, Path(folder)) as lab:
        try:
            scenario.start(lab)
            scenario.measure(lab, ALPINE)
        finally:
            scenario.stop(lab)
        if not lab.recordings:
            raise BenchError(f"{scenario.name}: runs nothing under Alpine")
        images, symbols, callers = ("\n".join(_report(recording, *options) for recording in lab.recordings) for options in (
            ["--sort", "dso", "-g", "none"], ["--sort", "dso,symbol", "-g", "none"],
            ["--sort", "dso,symbol", "-g", "caller,0.5", "--percent-limit", "0.5"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{images}\n\nBy symbol\n\n{symbols}\n\nWith callers\n\n{callers}", encoding="utf-8")
    return "\n".join([*_lines(images)[:TOP_IMAGES], "", *_lines(symbols)[:TOP]])


def _lines(report):
    return [line for line in report.splitlines() if line.strip() and not line.startswith("#")]


def _report(recording, *options):
    done = subprocess.run(["perf", "report", "--stdio", "--no-children", "-i", str(recording), "--percent-limit", "0.1",
                           *options], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"perf report: {done.stderr.strip()}")
    # It fills its columns to the width of the widest, and has two for a branch that is not recorded.
    return "\n".join(re.sub(r"\s+(-\s+-)?\s*$", "", line) for line in done.stdout.splitlines())
