# SPDX-License-Identifier: GPL-2.0
"""Runs the test functions of a file: `FILE.py NAME` runs test_NAME, `FILE.py` all of them.

A function whose parameter is called `lab` gets a lab of its own (see lab.py), made as @lab_options says; or, where the
environment's ALPINE_TEST_LAB names one, the lab that ctest has brought up for a whole folder. A test that cannot run here says why with skip() and is counted as skipped by ctest, never silently.
"""
import inspect
import os
import signal
import sys
import traceback

from lab import Lab, SharedLab

SKIPPED = 77  # ctest's SKIP_RETURN_CODE, see tests/CMakeLists.txt


class Skip(Exception):
    pass


def skip(why):
    raise Skip(why)


def lab_options(**options):
    def mark(function):
        function.lab_options = options
        return function
    return mark


def out_of_time(signum, frame):
    raise TimeoutError("the test took too long")


def lab_for(function):
    shared = os.environ.get("ALPINE_TEST_LAB")
    return SharedLab(shared) if shared else Lab(**getattr(function, "lab_options", {}))


def run_one(function, afterwards):
    if os.geteuid() != 0:
        skip("needs root")
    # ctest would kill this process without giving it the time to take the lab down: be fifteen seconds faster.
    signal.signal(signal.SIGALRM, out_of_time)
    signal.signal(signal.SIGTERM, out_of_time)
    signal.alarm(max(5, int(os.environ.get("ALPINE_TEST_TIMEOUT", "120")) - 15))
    try:
        if "lab" in inspect.signature(function).parameters:
            with lab_for(function) as lab:
                function(lab)
                afterwards(lab)
        else:
            function()
    finally:
        signal.alarm(0)


def main(afterwards=lambda lab: None):
    """`afterwards(lab)` is called when a test has passed and its lab is still up: a check that all of a file share."""
    module = sys.modules["__main__"]
    tests = {name[5:]: value for name, value in vars(module).items() if name.startswith("test_")}
    status = 0
    for name in sys.argv[1:] or tests:
        try:
            run_one(tests[name], afterwards)
            print("ok   ", name)
        except Skip as why:
            print("SKIP ", name + ":", why)
            status = status or SKIPPED
        except Exception:
            traceback.print_exc(file=sys.stdout)
            print("FAIL ", name)
            status = 1
    sys.exit(status)
