# SPDX-License-Identifier: GPL-2.0
# ./dev lint: clang-format (nothing to change) and clang-tidy (no finding), over all C++ of the repository.
#
# Kernel C (stack/arch, bpf) is written in the kernel's style and is left out of both.

source "$repo/tools/dev/build.sh"

# cxx_files [PATTERN]...: our C++ files, as git would see them (tracked, or new and not ignored), one per line.
cxx_files() {
    (cd "$repo" && git -c safe.directory="$repo" ls-files --cached --others --exclude-standard -- "$@" |
        grep -vE '^(stack/arch|bpf|abi)/' | while read -r file; do [[ ! -e $file ]] || echo "$file"; done)
}

verb_lint() {
    [[ $# -eq 0 ]] || misuse "lint: unknown option '$1'"
    local -a files sources
    ensure_setup
    build_user_space dev # clang-tidy wants the compile commands, and the headers that are generated
    give_build_to_owner
    mapfile -t files < <(cxx_files '*.h' '*.cpp')
    # Fuzzers are built by commands of their own (tests/fuzz/CMakeLists.txt), which clang-tidy does not know.
    mapfile -t sources < <(cxx_files '*.cpp' ':!tests/fuzz')
    cd "$repo" || return
    say "clang-format (${#files[@]} files)"
    clang-format --dry-run -Werror "${files[@]}"
    say "clang-tidy (${#sources[@]} files)"
    printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -quiet -p "$build_dir" 2>/dev/null
}
