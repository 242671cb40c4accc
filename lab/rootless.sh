# SPDX-License-Identifier: GPL-2.0
# `lab up --rootless`: the lab without root, for a student on a shared machine. Sourced by lab.sh.
#
# A process that only sleeps, the holder, keeps a user namespace in which the caller is root, a mount namespace with a
# /run of its own, and an empty network namespace (ip netns wants to be able to come back to where it was). In there
# lab.sh runs as it does for root: namespaces, veth pair and pid files are made as always, and alpined (with the classic
# wire, as eBPF and TUN devices are the real root's) accepts being root of no more than that. Later commands enter by the
# holder. When it is gone, the kernel takes away whatever was inside.
#
# Only the caller's own user exists in there, under the name of root: `run --user` changes nothing.

readonly rootless_dir=${XDG_RUNTIME_DIR:-/tmp}/alpine-lab-user-$UID${instance:+-$instance}

# rootless_holder: prints the holder's pid; fails when there is no rootless lab.
rootless_holder() {
    local pid started
    # The folder may lie in /tmp: what another user put there is not believed.
    [[ -z ${ALPINE_LAB_INSIDE:-} && -O $rootless_dir && ! -L $rootless_dir && -r $rootless_dir/holder ]] || return 1
    read -r pid started <"$rootless_dir/holder"
    [[ -n $started && $(process_start_time "$pid") == "$started" ]] || return 1
    echo "$pid"
}

# rootless_enter HOLDER COMMAND...: does not return.
rootless_enter() {
    local holder=$1
    shift
    export ALPINE_LAB_INSIDE=rootless
    exec nsenter --target "$holder" --user --net --mount --preserve-credentials --wd="$PWD" -- "$@"
}

rootless_up() {
    local pid try
    rootless_down
    [[ -e $rootless_dir ]] || mkdir -m 700 "$rootless_dir"
    [[ -O $rootless_dir && ! -L $rootless_dir ]] || fail "$rootless_dir belongs to somebody else: remove it"
    trap rootless_down EXIT
    setsid unshare --user --map-root-user --net --mount --propagation private -- \
        sh -c 'mount -t tmpfs tmpfs /run && exec sleep infinity' </dev/null >"$rootless_dir/log" 2>&1 &
    pid=$!
    for try in $(seq 1 100); do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) != sleep ]] || break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.02
    done
    if [[ $(cat "/proc/$pid/comm" 2>/dev/null) != sleep ]]; then
        fail "this machine lets no user make namespaces ($(head -n 1 "$rootless_dir/log")): as root, set" \
            "user.max_user_namespaces=10000 and, where there is one, kernel.unprivileged_userns_clone=1 by sysctl"
    fi
    printf '%s %s\n' "$pid" "$(process_start_time "$pid")" >"$rootless_dir/holder"
    (rootless_enter "$pid" "$repo/lab/lab.sh" up "$@")
    trap - EXIT
}

# No error when there is none.
rootless_down() {
    local holder try
    if holder=$(rootless_holder); then
        (rootless_enter "$holder" "$repo/lab/lab.sh" down) || true
        kill -KILL "$holder" 2>/dev/null || true
        for try in $(seq 1 50); do
            rootless_holder >/dev/null || break
            sleep 0.02
        done
    fi
    [[ ! -O $rootless_dir ]] || rm -rf "$rootless_dir"
}
