#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# bench_in_slirp4netns CMD...: CMD in a network namespace of its own, whose packets slirp4netns takes apart: its user-level
# stack makes sockets of this host of CMD's connections.
set -euo pipefail

fifo=$(mktemp -u)
mkfifo "$fifo"
exec {ready}<>"$fifo"
rm "$fifo"
# shellcheck disable=SC2016 # the inner shell expands these
unshare --user --map-root-user --net -- bash -c 'read -r -n 1 -u "$1"; shift; exec "$@"' inside "$ready" "$@" &
inside=$!
while [[ $(readlink "/proc/$inside/ns/net") == "$(readlink /proc/self/ns/net)" ]]; do
    sleep 0.01
done
slirp4netns --configure --mtu=65520 --ready-fd="$ready" "$inside" tap0 >&2 &
slirp=$!
status=0
wait "$inside" || status=$?
kill "$slirp"
exit "$status"
