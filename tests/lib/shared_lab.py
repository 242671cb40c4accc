# SPDX-License-Identifier: GPL-2.0
"""`shared_lab.py up|down`: the lab named by ALPINE_TEST_LAB, for a ctest fixture of all tests of a folder.

Bringing the hosts up and down takes several times as long as running a small program on them. ctest runs `up` before
the first test that requires the fixture and `down` after the last, also when a single test is asked for.
"""
import os
import sys

from lab import Lab


def main():
    if os.geteuid() != 0:
        print("SKIP  needs root")
        return 77
    lab = Lab()
    lab.environment["ALPINE_LAB"] = os.environ["ALPINE_TEST_LAB"]
    lab._lab(sys.argv[1])
    return 0


sys.exit(main())
