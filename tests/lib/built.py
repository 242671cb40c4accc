# SPDX-License-Identifier: GPL-2.0
"""Programs of the tests' own, from the build folder."""
from lab import ON_HOST

# Where the tests' user sees the build folder is the lab's business: alp's own location tells.
START = 'exec %s "$(dirname "$(command -v alp)")/../tests/programs/$0" "$@"'


def built(name, *arguments):
    return ["sh", "-c", START % "", name, *map(str, arguments)]


def built_under_alpine(name, *arguments):
    return ["sh", "-c", START % ("" if ON_HOST else "alp run --"), name, *map(str, arguments)]
