# SPDX-License-Identifier: GPL-2.0
"""What the kernel's test programs say: exit codes, and the lines of those written with kselftest_harness.h."""
import re

from table import CRASH, FAIL, PASS, SKIP, TIMEOUT

SKIPPED = 4  # the kernel's own exit code for it
LINE = re.compile(r"^(ok|not ok) \d+ (?:- )?(\S+)(?:.*# (SKIP|XFAIL))?")
RUNNING = re.compile(r"^#  RUN +(\S+)")


def by_exit_code(ended, must_say=""):
    """The result of a program that is one case. With `must_say` it passes when it fails in these words."""
    if ended.time_over:
        return TIMEOUT
    if 128 < ended.code < 128 + 65:  # a signal
        return CRASH
    if ended.code == SKIPPED:
        return SKIP
    as_wanted = ended.code != 0 and must_say in ended.output if must_say else ended.code == 0
    return PASS if as_wanted else FAIL


def line_result(verdict, directive):
    if directive == "SKIP":
        return SKIP
    return PASS if verdict == "ok" or directive == "XFAIL" else FAIL


def by_line(ended):
    """{case: result} of a program that prints a line for each, in its own names. A case that was under way when the
    program ended, or its time was over, is one too."""
    results, running = {}, None
    for line in ended.output.splitlines():
        if match := LINE.match(line):
            results[match[2]], running = line_result(match[1], match[3]), None
        elif match := RUNNING.match(line):
            running = match[1]
    if running:
        results[running] = TIMEOUT if ended.time_over else CRASH
    return results


def choose(case):
    """The options that make such a program run this one of its cases."""
    return ["-r", case]
