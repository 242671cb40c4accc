# SPDX-License-Identifier: GPL-2.0
"""The largest resident set of curl while it fetches a file."""
import json
import shutil
import tempfile
from pathlib import Path

from lab import ADDRESS_B
from scenario import Scenario, extra_at_most, on_side

PORT = 7009
FILE_BYTES = 64 << 20


class CurlMemory(Scenario):
    name, title, unit = "memory", "resident memory of curl, peak", "MiB"
    target, headline = extra_at_most(32, "MiB"), True
    question = "How much memory does a stack take in a program's process?"
    method = f"The largest resident set of curl while it fetches {FILE_BYTES >> 20} MiB from host b (bench_usage, wait4(2))."

    def __init__(self):
        self._server = self._folder = None

    def start(self, lab):
        self._folder = Path(tempfile.mkdtemp(prefix="alpine-bench-"))
        self._folder.chmod(0o755)
        with open(self._folder / "file", "wb") as file:
            file.truncate(FILE_BYTES)
        server = ["/usr/bin/python3", "-m", "http.server", "--bind", ADDRESS_B, "--directory", str(self._folder)]
        self._server = lab.serve("b", [*server, str(PORT)], port=PORT)

    def stop(self, lab):
        if self._server is not None:
            lab.stop(self._server)
        if self._folder is not None:
            shutil.rmtree(self._folder)

    def measure(self, lab, side):
        fetch = ["curl", "--silent", "--show-error", "--fail", "-o", "/dev/null", f"http://{ADDRESS_B}:{PORT}/file"]
        report = lab.run("a", ["bench_usage", *on_side(side, fetch)])[1]
        return json.loads(report.splitlines()[-1])["peak_kib"] / 1024


SCENARIOS = [CurlMemory()]
