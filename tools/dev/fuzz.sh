# SPDX-License-Identifier: GPL-2.0
# ./dev fuzz [SECONDS]: runs each fuzzer of tests/fuzz for that long (60), one after the other, on from what earlier runs
# have found. A crash ends it: the input that does it is left in build/tests/fuzz/found, and named.

source "$repo/tools/dev/build.sh"

verb_fuzz() {
    local seconds=${1:-60} fuzzer found=$build_dir/tests/fuzz/found
    [[ $# -le 1 && $seconds =~ ^[1-9][0-9]*$ ]] || misuse "fuzz: [SECONDS], a whole number above 0"
    ensure_setup
    build_stack "$default_stack"
    build_user_space dev
    for fuzzer in packet protocol; do
        say "Fuzzing: $fuzzer, $seconds s"
        "$build_dir/tests/bin/fuzz_$fuzzer" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
            -artifact_prefix="$found/" "$found/$fuzzer" "$repo/tests/fuzz/corpus/$fuzzer" ||
            fail "fuzz_$fuzzer found something: run it on the file named above (Test unit written to ...)"
    done
    give_build_to_owner
}
