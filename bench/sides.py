# SPDX-License-Identifier: GPL-2.0
"""On what a program's sockets can be: the host's kernel, Alpine, and the peers shown beside them."""
from lab import ADDRESS_A, ADDRESS_B

HOST, ALPINE = "host kernel", "Alpine"
CLASSIC, SLIRP, PASTA, LWIP = "classic wire", "slirp4netns", "pasta", "lwIP"

_PREFIX = {
    HOST: [],
    ALPINE: ["alp", "run", "--"],
    CLASSIC: ["alp", "run", "--wire=classic", "--"],
    SLIRP: ["bench_in_slirp4netns"],
    # Told what it would take from a default route, which host a has not; what it forwards by itself is not needed.
    PASTA: ["pasta", "-4", "-i", "eth0", "-a", ADDRESS_A, "-n", "24", "-g", ADDRESS_B, "--no-map-gw", "--quiet", "--config-net",
            "-t", "none", "-u", "none", "-T", "none", "-U", "none", "--runas", "0:0", "--"],
}


def on_side(side, argv):
    """The same command on that side."""
    return [*_PREFIX[side], *argv]


def is_user(side):
    """Does this side run as an unprivileged user? Those that make a TUN device themselves do not."""
    return side not in (SLIRP, PASTA, LWIP)


def is_alpine(argv):
    """Does this command run something under Alpine?"""
    return any(argv[i:i + 2] == ["alp", "run"] for i in range(len(argv)))
