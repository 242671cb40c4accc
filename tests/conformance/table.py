# SPDX-License-Identifier: GPL-2.0
"""One table with two columns: what each test case did on the host's kernel and under Alpine, and why where they differ.

A result is one of the words below. The rule: a case that passes on the host passes under Alpine too, or a reason for it
stands in expected/SUITE.toml; and a reason whose case passes now is a mistake as well. See docs/conformance.md.
"""
import os
from dataclasses import dataclass

from sides import ALPINE, HOST, OUTPUT

PASS, FAIL, SKIP, TIMEOUT, CRASH, MISSING = "pass", "FAIL", "skip", "TIMEOUT", "CRASH", "-"


def differs(host, alpine):
    """Is this a case that the host passes and Alpine does not?"""
    return host == PASS and alpine != PASS


@dataclass
class Row:
    name: str
    host: str
    alpine: str
    reason: str = ""


class Table:
    def __init__(self, suite, expected):
        self.suite, self.expected, self.results, self.retried = suite, expected, {}, set()

    def add(self, side, results):
        for name, result in results.items():
            self.results.setdefault(name, {})[side] = result

    def result(self, name, side):
        return self.results[name].get(side, MISSING)

    def unexplained(self):
        """The cases that differ and have no reason, in order."""
        return [n for n in sorted(self.results)
                if differs(self.result(n, HOST), self.result(n, ALPINE)) and not self.expected.reason(n)]

    def retry(self, name, results):
        """A second look at one case, alone: what it says counts."""
        self.retried.add(name)
        for side, result in results.items():
            self.results[name][side] = result

    def rows(self):
        for name in sorted(self.results):
            host, alpine = self.result(name, HOST), self.result(name, ALPINE)
            reason = self.expected.reason(name) if host != alpine or differs(host, alpine) else ""
            yield Row(name, host, alpine, reason or ("passed alone" if name in self.retried else ""))
        for program, reason in sorted(self.expected.not_run.items()):
            yield Row(program, "not run", "not run", reason)

    def stale(self):
        """Reasons that are true no more. Of what the host does not pass either they say nothing: it may be an older one."""
        return self.expected.stale(self.results, {n for n in self.results if self.result(n, ALPINE) == PASS})

    def summary(self):
        rows = list(self.rows())
        passed = {side: sum(self.result(n, side) == PASS for n in self.results) for side in (HOST, ALPINE)}
        both = [r for r in rows if r.host == PASS]
        return ("%s: %d cases; the host passes %d, Alpine %d; of the %d that the host passes, Alpine passes %d"
                % (self.suite, len(self.results), passed[HOST], passed[ALPINE], len(both),
                   sum(r.alpine == PASS for r in both)))

    def write(self):
        """build/conformance/SUITE.md; the same on standard output, without the cases in which both agree on a pass."""
        os.makedirs(OUTPUT, exist_ok=True)
        rows = list(self.rows())
        with open(os.path.join(OUTPUT, self.suite + ".md"), "w") as file:
            file.write("# %s\n\n| case | host | Alpine | why |\n|---|---|---|---|\n" % self.summary())
            file.writelines("| %s | %s | %s | %s |\n" % (r.name, r.host, r.alpine, r.reason) for r in rows)
        width = max((len(r.name) for r in rows), default=0)
        for row in rows:
            if row.host != PASS or row.alpine != PASS or row.reason:
                print(("%-*s  %-7s  %-7s  %s" % (width, row.name, row.host, row.alpine, row.reason)).rstrip())
        print(self.summary())

    def judge(self):
        """Raises with every line that breaks the rule."""
        wrong = ["passes on the host, not under Alpine (%s), and no reason is given: %s"
                 % (self.result(n, ALPINE), n) for n in self.unexplained()]
        wrong += ["%s: its reason stands, but %s" % (pattern, why) for pattern, why in self.stale()]
        assert not wrong, "\n".join(["", *wrong, "see docs/conformance.md"])
