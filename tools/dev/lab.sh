# SPDX-License-Identifier: GPL-2.0
# ./dev lab up|down|run: see lab/lab.sh.

source "$repo/tools/dev/build.sh"

verb_lab() {
    need_root lab
    if [[ ${1:-} == up && ! -x $build_dir/bin/alpined ]]; then
        verb_build
    fi
    exec "$repo/lab/lab.sh" "$@"
}
