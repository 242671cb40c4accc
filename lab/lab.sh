#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The lab: two hosts in network namespaces, joined by a veth pair.
#
#   a  10.77.0.1/24  fd77::1/64   with alpined
#   b  10.77.0.2/24  fd77::2/64   plain (with alpined too after `up --both`)
#
# Nothing is made outside the two namespaces but a folder under /run that holds pid files and the daemons' logs: the
# veth pair is created inside them, and alpined's socket is an abstract one, which is per network namespace. The
# environment variable ALPINE_LAB names an instance, so that tests run in a lab of their own beside a user's:
# namespaces are then alpine-NAME-a and alpine-NAME-b. ALPINE_BUILD chooses another build folder.
#
# `up --rootless` makes the same lab without root, inside a user namespace: see rootless.sh. `run` and `down` find out.
#
# `up` first takes down what an earlier run may have left; `down` ends whatever still runs inside. Both by pid only.
set -euo pipefail

repo=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
readonly repo
readonly instance=${ALPINE_LAB:-}
readonly build=${ALPINE_BUILD:-$repo/build}
readonly run_dir=/run/alpine-lab${instance:+-$instance}
source "$repo/lab/hosts.sh"
source "$repo/lab/daemon.sh"
source "$repo/lab/run.sh"
source "$repo/lab/rootless.sh"

fail() {
    printf 'lab: %s\n' "$*" >&2
    exit 1
}

misuse() {
    printf 'lab: %s\n' "$*" >&2
    exit 2
}

lab_up() {
    local hosts_with_daemon=(a)
    while [[ $# -gt 0 ]]; do
        case "$1" in
            --both) hosts_with_daemon=(a b) ;;
            --no-daemon) hosts_with_daemon=() ;;
            *) misuse "up: unknown option '$1'" ;;
        esac
        shift
    done
    lab_down
    mkdir -p "$run_dir"
    # Whatever goes wrong from here on, half a lab is not left behind.
    trap lab_down EXIT
    hosts_create
    local host
    for host in "${hosts_with_daemon[@]}"; do
        daemon_start "$host"
    done
    trap - EXIT
}

lab_down() {
    local host
    [[ $# -eq 0 ]] || misuse "down: unknown option '$1'"
    for host in a b; do
        daemon_stop "$host"
        host_destroy "$host"
    done
    rm -rf "$run_dir"
}

main() {
    [[ $instance =~ ^[A-Za-z0-9_-]*$ ]] || misuse "ALPINE_LAB must be letters, digits, - and _"
    local verb=${1:-} holder
    [[ -n $verb ]] || misuse "usage: up [--rootless] [--both] | down | run a|b [--user] -- CMD"
    if [[ $verb == up && ${2:-} == --rootless ]]; then
        rootless_up "${@:3}"
        return
    elif holder=$(rootless_holder); then
        case "$verb" in
            down) rootless_down && return ;;
            up) [[ $EUID -ne 0 ]] || rootless_down ;;
            *) rootless_enter "$holder" "$repo/lab/lab.sh" "$@" ;;
        esac
    elif [[ $verb == down && $EUID -ne 0 && ! -e $run_dir ]]; then
        return 0 # there is none of either kind
    fi
    [[ $EUID -eq 0 ]] || fail "needs root: run sudo ./dev lab $* (or, without root: ./dev lab up --rootless)"
    shift
    case "$verb" in
        up) lab_up "$@" ;;
        down) lab_down "$@" ;;
        run) lab_run "$@" ;;
        daemon) lab_daemon "$@" ;;
        *) misuse "unknown verb '$verb' (up, down, run, daemon)" ;;
    esac
}

main "$@"
