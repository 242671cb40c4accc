# SPDX-License-Identifier: GPL-2.0
# ./dev test [--quick] [--preset NAME] [CTEST-OPTION]...: builds, then runs the tests through ctest.
#
# Tests are labelled with what they need: root, lab (two hosts in namespaces), minutes. One that cannot run says why
# and is counted as skipped. Lab tests bring up labs of their own and do not disturb a lab in use.

source "$repo/tools/dev/build.sh"

verb_test() {
    local preset=dev
    local -a options=() build_options=()
    while [[ $# -gt 0 ]]; do
        case "$1" in
            --quick) options+=(-LE minutes) ;;
            --preset)
                [[ $# -ge 2 ]] || misuse "test: --preset needs a name"
                preset=$2
                shift
                ;;
            -R | -E | -L | -LE | -j | --repeat)
                [[ $# -ge 2 ]] || misuse "test: $1 needs a value"
                options+=("$1" "$2")
                shift
                ;;
            -V | -VV) options+=("$1") ;;
            *) misuse "test: unknown option '$1'" ;;
        esac
        shift
    done
    need_root test
    verb_build --preset "$preset"
    say "Testing"
    local status=0
    (cd "$(preset_dir "$preset")" && ctest --output-on-failure --no-tests=error "${options[@]}") || status=$?
    give_build_to_owner
    return "$status"
}
