# SPDX-License-Identifier: GPL-2.0
# ./dev setup: installs what tools/packages.txt names and this machine lacks.

verb_setup() {
    [[ $# -eq 0 ]] || misuse "setup: unknown option '$1'"
    local -a missing
    mapfile -t missing < <(packages_missing)
    if [[ ${#missing[@]} -eq 0 ]]; then
        echo "setup: all packages are installed"
        return 0
    fi
    need_root setup
    say "Installing ${#missing[@]} packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # A package that brings a service (nginx) must not start it on the machine's own address.
    with_no_services_started apt_install "${missing[@]}"
}

apt_install() {
    apt-get update -q
    apt-get install -y -q --no-install-recommends "$@"
}

# Debian's own switch for that is a policy-rc.d that answers 101; ours stands only while apt runs.
with_no_services_started() {
    local policy=/usr/sbin/policy-rc.d
    if [[ -e $policy ]]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    local status=0
    "$@" || status=$?
    rm -f "$policy"
    return "$status"
}

# ensure_setup: for verbs that need the packages; installs them as root, otherwise says how.
ensure_setup() {
    local -a missing
    mapfile -t missing < <(packages_missing)
    [[ ${#missing[@]} -eq 0 ]] && return 0
    [[ $EUID -eq 0 ]] || fail "packages are missing (${missing[*]}): run sudo ./dev setup"
    verb_setup
}
