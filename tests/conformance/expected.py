# SPDX-License-Identifier: GPL-2.0
"""The known differences of a suite: expected/SUITE.toml.

    [known.SOME-NAME]           a cause, and the cases it makes fail under Alpine
    reason = "a sentence a user understands"
    cases = ["net/tls: tls.*.splice_to_pipe"]        names, or patterns as a shell's
    sometimes = true            only where time decides: the cases may also pass

    [not_run.SOME-NAME]         programs that are not run at all
    reason = "..."
    programs = ["net/tap"]
"""
import fnmatch
import os
import tomllib
from dataclasses import dataclass, field


@dataclass
class Expected:
    causes: list = field(default_factory=list)  # (pattern, reason, sometimes)
    not_run: dict = field(default_factory=dict)  # program: reason

    def reason(self, name):
        return next((reason for pattern, reason, _ in self.causes if matches(name, pattern)), "")

    def stale(self, names, passing):
        """Yields (pattern, why) of every reason that is not true of all it names, some of which pass under Alpine."""
        for pattern, _, sometimes in self.causes:
            named = [n for n in names if matches(n, pattern)]
            pass_now = [n for n in named if n in passing]
            if not named:
                yield pattern, "there is no such case"
            elif pass_now and not sometimes:
                yield pattern, "these pass: " + ", ".join(sorted(pass_now))


def matches(name, pattern):
    # Square brackets are no wildcard here: names of cases have them.
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def parse(text):
    data = tomllib.loads(text)
    expected = Expected()
    for cause in data.get("known", {}).values():
        expected.causes += [(case, cause["reason"], cause.get("sometimes", False)) for case in cause["cases"]]
    for cause in data.get("not_run", {}).values():
        expected.not_run.update((program, cause["reason"]) for program in cause["programs"])
    return expected


def load(suite):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected", suite + ".toml")) as file:
        return parse(file.read())
