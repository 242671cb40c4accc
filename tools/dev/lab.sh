# SPDX-License-Identifier: GPL-2.0
# ./dev lab up|down|run: see lab/lab.sh.

source "$repo/tools/dev/build.sh"

verb_lab() {
    if [[ ${1:-} == up && ! -x $build_dir/bin/alpined && ($EUID -eq 0 || ${2:-} == --rootless) ]]; then
        verb_build
    fi
    exec "$repo/lab/lab.sh" "$@"
}
