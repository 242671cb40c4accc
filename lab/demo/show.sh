# SPDX-License-Identifier: GPL-2.0
# How the demonstration talks: headings, commands with their output, and what was expected of them. Sourced by demo.sh.

if [[ -t 1 ]]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' green='' red='' plain=''
fi
readonly bold dim green red plain

heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

say() {
    local line
    for line in "$@"; do
        printf '%s\n' "${line:+  $line}"
    done
}

indent() { sed -u 's/^/        /'; }

# announce HOST CMD...: the prompt line of a command, as a user of that host would type it.
announce() {
    local host=$1 word line=
    shift
    for word in "$@"; do
        [[ $word != *[[:space:]]* || $# -eq 1 ]] || word="'$word'"
        line+=" $word"
    done
    printf '    %s%s$%s%s\n' "$bold" "$host" "$plain" "$line"
}

# on HOST CMD...: runs it there as an unprivileged user.
on() {
    local host=$1
    shift
    "$lab" run "$host" --user -- "$@"
}

# show HOST CMD...: announces and runs it. Output is indented; the status is the command's.
show() {
    announce "$@"
    on "$@" 2>&1 | indent
    return "${PIPESTATUS[0]}"
}

# show_last HOST CMD...: the same, but only the last line of the output: the one that names the error.
show_last() {
    announce "$@"
    on "$@" 2>&1 | tail -n 1 | indent
}

# in_background HOST CMD...: announces and starts it; clean_up ends it at the latest.
in_background() {
    announce "$@" '&'
    on "$@" >"$work/background.log" 2>&1 &
    background+=("$!")
}

ok() { printf '      %s+ %s%s\n' "$green" "$*" "$plain"; }

not_ok() {
    printf '      %s- %s%s\n' "$red" "$*" "$plain"
    failures=$((failures + 1))
}

# verify WORDS CMD...: says whether CMD, run right here, succeeds.
verify() {
    local words=$1
    shift
    if "$@" >/dev/null 2>&1; then
        ok "$words"
    else
        not_ok "$words: not so"
    fi
}

# eventually CMD...: tries it for up to five seconds.
eventually() {
    local try
    for try in $(seq 1 50); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}
