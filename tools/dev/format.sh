# SPDX-License-Identifier: GPL-2.0
# ./dev format: clang-format in place over the files that ./dev lint looks at.

source "$repo/tools/dev/lint.sh"

verb_format() {
    [[ $# -eq 0 ]] || misuse "format: unknown option '$1'"
    local -a files
    mapfile -t files < <(cxx_files '*.h' '*.cpp')
    cd "$repo" && clang-format -i "${files[@]}"
}
