# SPDX-License-Identifier: GPL-2.0
"""On what a program's sockets can be: the host's kernel, Alpine, and the peers shown beside them."""
HOST, ALPINE = "host kernel", "Alpine"
CLASSIC, SLIRP, PASTA, LWIP = "classic wire", "slirp4netns", "pasta", "lwIP"

# A network namespace of the program's own, whose packets slirp4netns makes sockets of host a of.
_SLIRP = """
fifo=$(mktemp -u) && mkfifo "$fifo" && exec {ready}<>"$fifo" && rm "$fifo" || exit 125
unshare --user --map-root-user --net -- bash -c 'read -r -n 1 <&"$1"; shift; exec "$@"' inside "$ready" "$@" &
inside=$!
while [[ $(readlink /proc/$inside/ns/net) == $(readlink /proc/self/ns/net) ]]; do sleep 0.01; done
slirp4netns --configure --mtu=65520 --ready-fd="$ready" "$inside" tap0 >/dev/null 2>&1 &
slirp=$!
wait "$inside"
status=$?
kill "$slirp"
exit "$status"
"""

_PREFIX = {
    HOST: [],
    ALPINE: ["alp", "run", "--"],
    CLASSIC: ["alp", "run", "--wire=classic", "--"],
    SLIRP: ["bash", "-c", _SLIRP, "slirp4netns"],
    PASTA: ["pasta", "--config-net", "--quiet"],
}


def on_side(side, argv):
    """The same command on that side."""
    return [*_PREFIX[side], *argv]


def is_alpine(argv):
    """Does this command run something under Alpine?"""
    return any(argv[i:i + 2] == ["alp", "run"] for i in range(len(argv)))
