# SPDX-License-Identifier: GPL-2.0
"""lwIP as a peer."""
from lab import BenchError


def bulk_sample(lab):
    raise BenchError("not yet")


def round_trips(lab, port, count):
    raise BenchError("not yet")
