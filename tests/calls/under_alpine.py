# SPDX-License-Identifier: GPL-2.0
"""Runs the programs of this folder under Alpine on lab host a: `under_alpine.py NAME`, or all of them."""
import glob
import os

from lab import alp
from runner import main


def program_test(name):
    def test(lab):
        # Where the tests' user sees the build folder is the lab's business: ask alp's own location.
        build = lab.run("a", ["sh", "-c", 'dirname "$(dirname "$(command -v alp)")"']).stdout.strip()
        done = lab.run("a", alp(os.path.join(build, "tests", "calls", name)), timeout=30)
        assert done.stderr == "", done.stderr
    return test


for source in glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "*.cpp")):
    stem = os.path.splitext(os.path.basename(source))[0]
    globals()["test_" + stem] = program_test(stem)

main()
