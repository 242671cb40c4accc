# SPDX-License-Identifier: GPL-2.0
"""Python's own tests of sockets and what stands on them, on the host's kernel and on Alpine."""
import concurrent.futures
import os
import time

import expected
from programs import PYTHON
from python_run import Run
from runner import main, skip
from sides import ALPINE, HERE, SIDES, alpine_command, host_command
from table import PASS, Table

SUITE = "python"
MODULES = ("test_poll", "test_select", "test_epoll", "test_selectors", "test_socket", "test_ftplib", "test_smtplib",
           "test_httplib", "test_ssl", "test_asyncio")
MODULE_S = 300  # on one side, however many of its cases hang; the longest takes 90
TABLE_S = 1500
RETRIES = 2
MOST_RETRIED = 40
SUITE_FOLDER = "/usr/lib/python3.11/test"


class ModuleRun(Run):
    def __init__(self, lab, side, module, seconds, only=()):
        super().__init__(lab, side, module, seconds)
        self.only = list(only)

    def command(self):
        # The suite makes files where it stands.
        words = ["sh", "-c", 'cd "$0" && exec "$@"', self.folder, PYTHON, "-P", self.lab.path("python_cases.py"),
                 self.results_path, self.module, *self.only]
        words = ["env", "TMPDIR=" + self.folder, *words]
        return alpine_command(self.lab, words) if self.side == ALPINE else host_command(self.lab, words, host="b")


def retry(lab, table, left_s):
    differing = table.unexplained()
    for name in differing if len(differing) <= MOST_RETRIED else []:
        for _ in range(RETRIES):
            if ModuleRun(lab, ALPINE, name.split(".")[0], left_s(), [name]).results().get(name) == PASS:
                table.retry(name, {ALPINE: PASS})
                break


def chosen():
    """All, or the module that ALPINE_CONFORMANCE_ONLY names: for looking at one by hand."""
    only = os.environ.get("ALPINE_CONFORMANCE_ONLY")
    return (only,) if only else MODULES


def test_what_passes_on_the_host_passes_under_alpine(lab):
    if not os.path.isdir(SUITE_FOLDER):
        skip("Debian's libpython3.11-testsuite is not installed")
    with open(os.path.join(HERE, "python_cases.py")) as file:
        lab.write("python_cases.py", file.read())
    table, end = Table(SUITE, expected.load(SUITE)), time.monotonic() + TABLE_S

    def left_s():
        return min(MODULE_S, end - time.monotonic())

    with concurrent.futures.ThreadPoolExecutor(len(SIDES)) as pool:
        for module in chosen():
            runs = [ModuleRun(lab, side, module, left_s()) for side in SIDES]
            for run, results in zip(runs, pool.map(ModuleRun.results, runs)):
                table.add(run.side, results)
    retry(lab, table, left_s)
    table.write()
    if chosen() == MODULES:
        table.judge()


main()
