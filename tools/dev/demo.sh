# SPDX-License-Identifier: GPL-2.0
# ./dev demo: all the way from a fresh Debian 12 to two hosts that show the main job.

source "$repo/tools/dev/build.sh"

verb_demo() {
    [[ $# -eq 0 ]] || misuse "demo: unknown option '$1'"
    need_root demo
    verb_build
    "$repo/lab/demo/demo.sh"
}
