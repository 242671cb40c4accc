#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The demonstration: what Alpine is for, shown with ordinary programs on two lab hosts, then its figures.
#
# Called by `./dev demo` after a build. Has a lab of its own and takes it down on the way out, however it ends. What
# is shown is also checked; the exit status is 1 when a part of the main job did not come out as it should, while a
# missed figure is only marked in the table.
set -euo pipefail

repo=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
readonly repo
source "$repo/lab/demo/show.sh"
source "$repo/lab/demo/scenes.sh"

# What is shown must not depend on how the caller's environment configures Alpine.
for variable in "${!ALPINE_@}"; do
    [[ $variable == ALPINE_BUILD || $variable == ALPINE_CACHE ]] || unset "$variable"
done
export ALPINE_LAB=demo
readonly lab=$repo/lab/lab.sh
readonly file_mib=256
failures=0
background=()
work=

clean_up() {
    local pid
    trap - EXIT
    for pid in "${background[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    "$lab" down || true
    [[ -z $work ]] || rm -rf "$work"
}

main() {
    [[ $EUID -eq 0 ]] || { echo 'demo: needs root for the lab: run sudo ./dev demo' >&2; exit 1; }
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    work=$(mktemp -d /tmp/alpine-demo.XXXXXX)
    chmod 755 "$work"

    introduce
    set_the_stage
    scene_fetch
    scene_serve
    scene_congestion_control
    scene_sctp
    scene_figures
    conclude
}

main "$@"
