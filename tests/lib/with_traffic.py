# SPDX-License-Identifier: GPL-2.0
"""Runs a tool on host a under Alpine with traffic of its own process; see tests/programs/with_traffic."""
from lab import alp
from preloading import preloaded


def with_traffic(lab, when, target, *command):
    """`when` is BEFORE, DURING or AFTER; `target` its words. Returns the command line."""
    variable = "WITH_TRAFFIC_%s=%s" % (when, " ".join(map(str, target)))
    return alp("env", variable, *preloaded(lab, "with_traffic", command))
