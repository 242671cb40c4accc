# SPDX-License-Identifier: GPL-2.0
"""./dev on a wrong command line: one line and exit 2, nothing done."""
import os
import subprocess

from lab import LAB, REPO
from refusals import check_refusal
from runner import main


def dev(*words):
    return subprocess.run([os.path.join(REPO, "dev"), *words], capture_output=True, text=True, timeout=60)


def test_unknown_verb():
    check_refusal(dev("frobnicate"), 2, "frobnicate")


def test_unknown_option_of_each_verb():
    for verb in ("setup", "build", "test", "demo", "lint", "format"):
        check_refusal(dev(verb, "--no-such-option"), 2, verb, "--no-such-option")


def test_unknown_stack_and_preset():
    check_refusal(dev("build", "--stack", "linux-0.99"), 2, "linux-0.99")
    check_refusal(dev("build", "--preset", "fastest"), 2, "fastest")


def test_unknown_lab_verb_host_and_option():
    for words in (["sideways"], ["up", "--triple"], ["run", "c", "--", "true"]):
        done = subprocess.run([LAB, *words], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "ALPINE_LAB": "misuse"})
        check_refusal(done, 2)


main()
