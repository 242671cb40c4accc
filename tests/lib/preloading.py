# SPDX-License-Identifier: GPL-2.0
"""Preloads one of the tests' own libraries (build/tests/lib) behind libalpine.so."""
import os

from lab import BUILD

# The program alone gets the library: not the shell that starts it, which has a stack of its own.
START = 'LD_PRELOAD="$LD_PRELOAD $1" && export LD_PRELOAD && shift && exec "$@"'


def preloaded(lab, name, command):
    """The command line that does so, for `alp run`."""
    # Copied to where any user may read it, wherever the build folder lies.
    library = lab.path(name + ".so")
    with open(os.path.join(BUILD, "tests", "lib", name + ".so"), "rb") as built, open(library, "wb") as copy:
        copy.write(built.read())
    os.chmod(library, 0o755)
    return ["sh", "-c", START, "sh", library, *command]
