# SPDX-License-Identifier: GPL-2.0
"""Runs the programs of this folder under Alpine on lab host a: `under_alpine.py NAME`, or all of them."""
import glob
import os

from runner import main

# Where the tests' user sees the build folder is the lab's business: alp's own location tells.
RUN = 'exec alp run -- "$(dirname "$(command -v alp)")/../tests/calls/$1"'


def program_test(name):
    def test(lab):
        done = lab.run("a", ["sh", "-c", RUN, "sh", name], timeout=30)
        assert done.stderr == "", done.stderr
    return test


for source in glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "*.cpp")):
    stem = os.path.splitext(os.path.basename(source))[0]
    globals()["test_" + stem] = program_test(stem)

main()
