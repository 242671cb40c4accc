# SPDX-License-Identifier: GPL-2.0
"""One module of Python's own tests, from its beginning to its end, whatever hangs or crashes in it (python_cases.py)."""
import os
import time

from sides import KEPT_BYTES, keep_log, start
from table import CRASH, TIMEOUT

LONGEST_S = 1800  # of one process, should nobody watch it any more


class Run:
    """A module's cases (or some of them) on one side: as many processes as it takes to get to the end, or until its time
    is over; what it has not reached then has no result. command() is the subclass's."""
    silence_s = 40  # a case that takes longer is given up

    def __init__(self, lab, side, module, seconds):
        self.lab, self.side, self.module, self.end = lab, side, module, time.monotonic() + seconds
        self.folder = lab.path("%s-%s-%d" % (side, module, time.monotonic_ns()))
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)
        self.results_path = self.path("results")

    def path(self, name):
        return os.path.join(self.folder, name)

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
        """Until it ends by itself, or says nothing for too long, or all time is over. Was it given up?"""
        seen, since = 0, time.monotonic()
        while process.poll() is None:
            time.sleep(0.1)
            if (now := len(self.lines())) != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() > min(since + self.silence_s, self.end):
                process.terminate()
                return True
        return False

    def once(self):
        """Runs what is left, while there is time. Is that all there is to be had?"""
        if time.monotonic() > self.end:
            return True
        before = len(self.lines())
        with open(self.path("log"), "ab") as log:
            process = start(self.lab, self.command(), LONGEST_S, stdout=log)
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
        with open(self.path("log"), "a+", errors="replace") as log:
            log.seek(0)
            keep_log(self.side, self.module, log.read(KEPT_BYTES))
        words = [line.split(None, 1) for line in self.lines()]
        return {w[1]: w[0] for w in words if len(w) == 2 and w[0] != "start"}
