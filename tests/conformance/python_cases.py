# SPDX-License-Identifier: GPL-2.0
"""`python_cases.py RESULTS MODULE [CASE...]`: runs a module of Python's own test suite (or only some of its cases) as
python3 -m test does, and appends one line per case to RESULTS: "start CASE", then its result and CASE. Cases that
RESULTS has already are left out, so that a run that hung or crashed is gone on with; the last line is "end".
"""
import sys
import unittest
from test import support

PASS, FAIL, SKIP = "pass", "FAIL", "skip"


def cases_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases_of(item)
        else:
            yield item


def name_of(case):
    return case.id().removeprefix("test.")


class Lines(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out, self.outcome = out, None

    def say(self, *words):
        print(*words, file=self.out, flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.outcome = PASS
        self.say("start", name_of(test))

    def stopTest(self, test):
        super().stopTest(test)
        self.say(self.outcome, name_of(test))

    def failed(self, test, error):
        self.outcome = FAIL
        print("==", name_of(test), self._exc_info_to_string(error, test), sep="\n", flush=True)

    def addError(self, test, err):
        self.failed(test, err)

    def addFailure(self, test, err):
        self.failed(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.failed(test, err)

    def addSkip(self, test, reason):
        self.outcome = SKIP

    def addUnexpectedSuccess(self, test):
        self.outcome = FAIL


def main(results, module, only):
    with open(results, "a+") as out:
        out.seek(0)
        done = {line.split(None, 1)[1].strip() for line in out if " " in line}
        support.use_resources = []  # as python3 -m test: nothing that needs the Internet, a big disk or hours
        suite = unittest.TestSuite()
        for case in cases_of(unittest.defaultTestLoader.loadTestsFromName("test." + module)):
            if name_of(case) not in done and (not only or name_of(case) in only):
                suite.addTest(case)
        lines = Lines(out)
        suite.run(lines)
        lines.say("end")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], set(sys.argv[3:]))
