# SPDX-License-Identifier: GPL-2.0
# What every verb of ./dev shares. Sourced by ./dev, which sets $repo.

# Unpacked kernel trees and compiler results live here, outside the repository, so that a fresh clone builds fast.
if [[ -z ${ALPINE_CACHE:-} ]]; then
    if [[ $EUID -eq 0 ]]; then
        ALPINE_CACHE=/var/cache/alpine
    else
        ALPINE_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/alpine
    fi
fi
export ALPINE_CACHE
export CCACHE_DIR=$ALPINE_CACHE/ccache
# Two working copies of the same file, in two clones, are one entry of the cache.
export CCACHE_BASEDIR=$repo CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}

readonly build_dir=$repo/build
readonly default_stack=linux-6.12

say() { printf '\n== %s\n' "$*"; }

fail() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# A mistake on the command line: one line, exit 2.
misuse() {
    printf 'dev: %s\n' "$*" >&2
    exit 2
}

need_root() {
    [[ $EUID -eq 0 ]] || fail "'$1' needs root: run sudo ./dev $1"
}

# What root built in somebody's clone is handed to the clone's owner, who must be able to build on without root.
give_build_to_owner() {
    local owner
    [[ $EUID -eq 0 && -d $build_dir ]] || return 0
    owner=$(stat -c %u:%g "$repo")
    [[ $owner == 0:0 ]] || chown -hR "$owner" "$build_dir"
}

# packages_missing: prints the packages of tools/packages.txt that are not installed, one per line.
packages_missing() {
    comm -23 <(sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$repo/tools/packages.txt" | sort -u) \
        <(dpkg-query -W -f '${Package}\t${db:Status-Status}\n' 2>/dev/null | awk '$2 == "installed" {print $1}' | sort -u)
}
