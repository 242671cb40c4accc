# SPDX-License-Identifier: GPL-2.0
# `lab run a|b [--user] -- CMD`: a command on a lab host. Sourced by lab.sh.
#
# --user means an unprivileged user: the one who called sudo, or else 65534 (nobody). That user may be unable to reach
# a build folder that lies in a private home; it then sees it bound to a folder under /run, in the mount namespace of
# this one command, so that nothing needs to be copied and no permission changed. In a rootless lab there is one user.

lab_run() {
    local host=${1:-} as_user=no
    host_ns "$host" >/dev/null
    shift
    if [[ ${1:-} == --user ]]; then
        as_user=yes
        shift
    fi
    [[ ${1:-} != -- ]] || shift
    [[ $# -gt 0 ]] || misuse "run: no command given"
    [[ ${1:0:1} != - ]] || misuse "run: unknown option '$1'"
    [[ -e /run/netns/$(host_ns "$host") ]] || fail "the lab is not up: run sudo ./dev lab up"
    export ALPINE_LAB_HOST=$host
    if [[ $as_user == yes && -z ${ALPINE_LAB_INSIDE:-} ]]; then
        run_as_user "$host" "$@"
    else
        PATH=$build/bin:$PATH:/usr/sbin:/sbin exec ip netns exec "$(host_ns "$host")" "$@"
    fi
}

run_as_user() {
    local host=$1 uid=${SUDO_UID:-65534} gid=${SUDO_GID:-65534}
    shift
    [[ $uid -ne 0 ]] || { uid=65534; gid=65534; }
    local -a drop=(setpriv --reuid="$uid" --regid="$gid" --clear-groups --inh-caps=-all --)
    local home
    home=$(getent passwd "$uid" | cut -d : -f 6)
    [[ -d $home ]] || home=/tmp
    local reachable=$build
    if ! "${drop[@]}" test -r "$build/bin/alp" -a -r "$build/lib"; then
        reachable=$run_dir/build
        mkdir -p "$reachable"
    fi
    # ip netns exec has a mount namespace of its own, so the bind mount goes away with the command.
    # shellcheck disable=SC2016 # the inner shell expands these
    exec ip netns exec "$(host_ns "$host")" bash -c '
        build=$1 reachable=$2 home=$3
        shift 3
        [[ $build == "$reachable" ]] || mount --bind "$build" "$reachable" || exit 1
        export HOME=$home PATH=$reachable/bin:$PATH:/usr/sbin:/sbin
        exec "$@"
    ' lab-run "$build" "$reachable" "$home" "${drop[@]}" "$@"
}
