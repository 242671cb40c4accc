# SPDX-License-Identifier: GPL-2.0
"""Python's own tests of sockets and what stands on them, on the host's kernel and on Alpine."""
import concurrent.futures
import os
import time

import expected
from programs import PYTHON
from runner import main, skip
from sides import ALPINE, HERE, KEPT_BYTES, SIDES, alpine_command, host_command, keep_log, start
from table import CRASH, PASS, TIMEOUT, Table

SUITE = "python"
MODULES = ("test_poll", "test_select", "test_epoll", "test_selectors", "test_socket", "test_ftplib", "test_smtplib",
           "test_httplib", "test_ssl", "test_asyncio")
SILENCE_S = 40  # a case that takes longer is given up
MODULE_S = 600
RETRIES = 2
MOST_RETRIED = 40
SUITE_FOLDER = "/usr/lib/python3.11/test"


class Run:
    """A module's cases (or some of them) on one side: as many processes as it takes to get to the end."""

    def __init__(self, lab, side, module, only=()):
        self.lab, self.side, self.module, self.only = lab, side, module, list(only)
        self.folder = lab.path("%s-%s-%d" % (side, module, time.monotonic_ns()))
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)
        self.results_path = self.path("results")

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self):
        # The suite makes files where it stands.
        words = ["sh", "-c", 'cd "$0" && exec "$@"', self.folder, PYTHON, "-P", self.lab.path("python_cases.py"),
                 self.results_path, self.module, *self.only]
        words = ["env", "TMPDIR=" + self.folder, *words]
        return alpine_command(self.lab, words) if self.side == ALPINE else host_command(self.lab, words, host="b")

    def lines(self):
        try:
            with open(self.results_path) as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def note(self, result, case):
        with open(self.results_path, "a") as file:
            print(result, case, file=file)

    def watch(self, process):
        """Until it ends by itself, or says nothing for too long. Was it given up?"""
        seen, since = 0, time.monotonic()
        while process.poll() is None:
            time.sleep(0.1)
            if (now := len(self.lines())) != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > SILENCE_S:
                process.terminate()
                return True
        return False

    def once(self):
        """Runs what is left. Is that all there is to be had?"""
        before = len(self.lines())
        with open(self.path("log"), "ab") as log:
            process = start(self.lab, self.command(), MODULE_S, stdout=log)
            given_up = self.watch(process)
            process.wait()
        lines = self.lines()
        if len(lines) == before or lines[-1] == "end":
            return True
        if lines[-1].startswith("start "):
            self.note(TIMEOUT if given_up else CRASH, lines[-1].removeprefix("start "))
        return False

    def results(self):
        """{case: result}."""
        while not self.once():
            pass
        with open(self.path("log"), errors="replace") as log:
            keep_log(self.side, self.module, log.read(KEPT_BYTES))
        words = [line.split(None, 1) for line in self.lines()]
        return {w[1]: w[0] for w in words if len(w) == 2 and w[0] != "start"}


def retry(lab, table):
    differing = table.unexplained()
    for name in differing if len(differing) <= MOST_RETRIED else []:
        for _ in range(RETRIES):
            if Run(lab, ALPINE, name.split(".")[0], [name]).results().get(name) == PASS:
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
    table = Table(SUITE, expected.load(SUITE))
    with concurrent.futures.ThreadPoolExecutor(len(SIDES)) as pool:
        for module in chosen():
            for side, results in zip(SIDES, pool.map(lambda side: Run(lab, side, module).results(), SIDES)):
                table.add(side, results)
    retry(lab, table)
    table.write()
    if chosen() == MODULES:
        table.judge()


main()
