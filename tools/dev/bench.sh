# SPDX-License-Identifier: GPL-2.0
# ./dev bench [NAME]...: Alpine beside the host kernel; ./dev bench profile NAME: a profile of it; see bench/.

source "$repo/tools/dev/build.sh"

verb_bench() {
    need_root bench
    verb_build
    local status=0
    "$repo/bench/run" "$@" || status=$?
    give_build_to_owner
    return "$status"
}
