# SPDX-License-Identifier: GPL-2.0
# ./dev build [--stack NAME] [--preset NAME]: the stack image (Kbuild), then the rest (CMake, Ninja).

source "$repo/tools/dev/setup.sh"

verb_build() {
    local stack=$default_stack preset=dev
    while [[ $# -gt 0 ]]; do
        case "$1" in
            --stack | --preset)
                [[ $# -ge 2 ]] || misuse "build: $1 needs a name"
                if [[ $1 == --stack ]]; then stack=$2; else preset=$2; fi
                shift 2
                ;;
            *) misuse "build: unknown option '$1'" ;;
        esac
    done
    [[ $stack == linux-6.12 ]] || misuse "build: unknown stack '$stack' (there is linux-6.12)"
    preset_dir "$preset" >/dev/null
    ensure_setup
    build_stack "$stack"
    build_user_space "$preset"
    give_build_to_owner
}

# preset_dir NAME: the folder a preset builds in; misuse when there is no such preset.
preset_dir() {
    case "$1" in
        dev) echo "$build_dir" ;;
        release | debug | asan | ubsan | tsan) echo "$build_dir/$1" ;;
        *) misuse "build: unknown preset '$1' (dev, release, debug, asan, ubsan, tsan)" ;;
    esac
}

build_stack() {
    mkdir -p "$ALPINE_CACHE" "$build_dir/lib/alpine"
    "$repo/stack/build.sh" "$1" "$build_dir"
}

build_user_space() {
    local preset=$1 dir log
    dir=$(preset_dir "$preset")
    mkdir -p "$dir/lib"
    # Every preset runs on the one stack image.
    [[ $dir == "$build_dir" ]] || ln -sfn "$build_dir/lib/alpine" "$dir/lib/alpine"
    say "Building alp, alpined and libalpine ($preset)"
    log=$dir/configure.log
    (cd "$repo" && cmake --preset "$preset") >"$log" 2>&1 || {
        cat "$log" >&2
        fail "cmake failed"
    }
    cmake --build "$dir"
}
