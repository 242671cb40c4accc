# SPDX-License-Identifier: GPL-2.0
# ./dev bench [NAME]: Alpine beside the host kernel; see bench/.

source "$repo/tools/dev/build.sh"

verb_bench() {
    need_root bench
    verb_build
    "$repo/bench/run" "$@"
}
