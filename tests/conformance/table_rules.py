# SPDX-License-Identifier: GPL-2.0
"""The rules of the conformance tables themselves: what they must refuse, how programs' words are read, and what becomes of
what hangs."""
import os
import tempfile
import time
from types import SimpleNamespace

import expected
import kselftest
from python_run import Run
from runner import main
from sides import ALPINE, HOST, Ended
from table import CRASH, FAIL, PASS, SKIP, TIMEOUT, Table

NOTHING_KNOWN = ""
KNOWN = """
[known.cause]
reason = "because"
cases = ["p: a.*"]
"""


def table(known, **results):
    made = Table("suite", expected.parse(known))
    for side in (HOST, ALPINE):
        made.add(side, {"p: " + name.replace("_", "."): pair[side == ALPINE] for name, pair in results.items()
                        if pair[side == ALPINE]})
    return made


def refused(made):
    try:
        made.judge()
    except AssertionError as why:
        return str(why)
    return ""


def test_a_difference_without_a_reason_is_refused():
    for result in (FAIL, SKIP, TIMEOUT, CRASH, None):
        assert "p: a.x" in refused(table(NOTHING_KNOWN, a_x=(PASS, result))), result


def test_a_difference_with_a_reason_is_accepted():
    made = table(KNOWN, a_x=(PASS, FAIL), a_y=(PASS, None), b=(PASS, PASS))
    assert not refused(made)
    assert [r.reason for r in made.rows()] == ["because", "because", ""]


def test_what_the_host_does_not_pass_asks_nothing_of_alpine():
    assert not refused(table(NOTHING_KNOWN, a_x=(FAIL, FAIL), a_y=(SKIP, TIMEOUT), a_z=(SKIP, PASS)))


def test_a_reason_whose_case_passes_is_refused():
    assert "a.y" in refused(table(KNOWN, a_x=(PASS, FAIL), a_y=(PASS, PASS)))
    assert "no such case" in refused(table(KNOWN, b=(PASS, PASS)))


def test_a_reason_of_which_a_lesser_host_knows_nothing_stands():
    assert not refused(table(KNOWN, a_x=(PASS, FAIL), a_y=(FAIL, FAIL)))


def test_a_case_that_only_sometimes_fails_may_pass():
    known = KNOWN + "sometimes = true\n"
    assert not refused(table(known, a_x=(PASS, PASS), a_y=(PASS, FAIL)))


def test_square_brackets_in_names_are_no_wildcards():
    assert expected.matches("p -x [client end]", "p * [client end]")
    assert not expected.matches("p -x c", "p -x [client end]")


def test_exit_codes_are_read_as_the_kernel_means_them():
    results = {code: kselftest.by_exit_code(Ended(code, "")) for code in (0, 1, 4, 124, 139, 255)}
    assert results == {0: PASS, 1: FAIL, 4: SKIP, 124: TIMEOUT, 139: CRASH, 255: FAIL}, results


def test_a_program_that_must_fail_must_do_so_for_the_right_reason():
    results = {(code, said): kselftest.by_exit_code(Ended(code, said), must_say="too long")
               for code in (0, 1, 139) for said in ("write: too long", "no such device")}
    assert [what for what, result in results.items() if result == PASS] == [(1, "write: too long")], results


def test_lines_of_the_harness_are_read():
    said = "\n".join(["TAP version 13", "1..5", "#  RUN           f.v.one ...", "ok 1 f.v.one",
                      "#  RUN           f.two ...", "not ok 2 f.two", "ok 3 f.three # SKIP no such protocol",
                      "not ok 4 f.four # XFAIL known", "#  RUN           f.five ..."])
    wanted = {"f.v.one": PASS, "f.two": FAIL, "f.three": SKIP, "f.four": PASS}
    assert kselftest.by_line(Ended(124, said)) == {**wanted, "f.five": TIMEOUT}
    assert kselftest.by_line(Ended(139, said)) == {**wanted, "f.five": CRASH}


class ScriptRun(Run):
    """A module of Python's tests is a shell script here, which is started again where it was given up."""
    silence_s = 1

    def __init__(self, folder, script, seconds):
        lab = SimpleNamespace(path=lambda name: os.path.join(folder, name), environment=dict(os.environ))
        super().__init__(lab, HOST, "rules", seconds)
        self.script = script

    def command(self):
        return ["sh", "-c", self.script, self.results_path]


def results_of(script, seconds):
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        return ScriptRun(folder, script, seconds).results(), time.monotonic() - begin


ONE_HANGS = """
if ! grep -q b "$0"; then printf 'start a\npass a\nstart b\n' >> "$0"; setsid sleep 100 & sleep 100; fi
printf 'start c\nFAIL c\nend\n' >> "$0"
"""
ALL_HANG = 'echo "start $(wc -l < "$0")" >> "$0"; sleep 100'


def test_a_case_that_hangs_is_a_timeout_and_the_others_are_run():
    assert results_of(ONE_HANGS, 30)[0] == {"a": PASS, "b": TIMEOUT, "c": FAIL}


def test_a_module_all_of_whose_cases_hang_ends_when_its_time_is_over():
    results, seconds = results_of("touch \"$0\"; " + ALL_HANG, 3)
    assert seconds < 8 and len(results) >= 2 and set(results.values()) == {TIMEOUT}, (seconds, results)


def test_a_module_that_says_nothing_has_no_results():
    assert results_of("sleep 100", 30)[0] == {}


main()
