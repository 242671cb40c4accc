# SPDX-License-Identifier: GPL-2.0
"""Runs a tool on host a under Alpine with traffic of its own process; see tests/programs/with_traffic."""
import os

from lab import BUILD, alp

# The tool alone gets the library: not the shell that starts it, which has a stack of its own.
START = 'LD_PRELOAD="$LD_PRELOAD $1" WITH_TRAFFIC_%s="$2" && export LD_PRELOAD WITH_TRAFFIC_%s && shift 2 && exec "$@"'


def with_traffic(lab, when, target, *command):
    """`when` is BEFORE, DURING or AFTER; `target` its words. Returns the command line."""
    # Copied to where any user may read it, wherever the build folder lies.
    library = lab.path("with_traffic.so")
    with open(os.path.join(BUILD, "tests", "lib", "with_traffic.so"), "rb") as built, open(library, "wb") as copy:
        copy.write(built.read())
    os.chmod(library, 0o755)
    return alp("sh", "-c", START % (when, when), "sh", library, " ".join(map(str, target)), *command)
