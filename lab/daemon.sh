# SPDX-License-Identifier: GPL-2.0
# alpined on a lab host: start, stop, restart. Sourced by lab.sh.
#
# The pid file holds the pid and the process's start time (field 22 of /proc/PID/stat), so that a pid that has come
# to mean another process is never signalled.

process_start_time() {
    # The command name, field 2, may hold blanks: cut everything up to its closing parenthesis first.
    sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# daemon_pid HOST: prints the pid of the running daemon; fails when there is none.
daemon_pid() {
    local pid started
    [[ -r $run_dir/alpined-$1.pid ]] || return 1
    read -r pid started <"$run_dir/alpined-$1.pid"
    [[ -n $started && $(process_start_time "$pid") == "$started" ]] || return 1
    echo "$pid"
}

# daemon_start HOST [OPTION]...: starts alpined there and waits until it serves. (It listens a moment before, so that clients
# of the one before it need not try again.)
daemon_start() {
    local host=$1 log pid try before
    shift
    log=$run_dir/alpined-$host.log
    before=$(stat -c %s "$log" 2>/dev/null || echo 0)
    [[ -x $build/bin/alpined ]] || fail "$build/bin/alpined is not built: run ./dev build"
    [[ -z ${ALPINE_LAB_INSIDE:-} ]] || set -- --wire classic "$@"
    setsid ip netns exec "$(host_ns "$host")" "$build/bin/alpined" "$@" </dev/null >>"$log" 2>&1 &
    pid=$!
    for try in $(seq 1 200); do
        if [[ $(tail -c +$((before + 1)) "$log" 2>/dev/null) == *"alpined serves at"* ]]; then
            printf '%s %s\n' "$pid" "$(process_start_time "$pid")" >"$run_dir/alpined-$host.pid"
            return 0
        fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    kill "$pid" 2>/dev/null || true
    tail -n 5 "$log" >&2
    fail "alpined did not come up on host $host"
}

# daemon_stop HOST: ends it and waits until it is gone. No error when there is none.
daemon_stop() {
    local pid try
    pid=$(daemon_pid "$1") || return 0
    kill -TERM "$pid"
    for try in $(seq 1 50); do
        daemon_pid "$1" >/dev/null || break
        [[ $try -ne 40 ]] || kill -KILL "$pid" 2>/dev/null || true
        sleep 0.05
    done
    rm -f "$run_dir/alpined-$1.pid"
}

# lab daemon start|stop|pid|log HOST: for the tests that take the daemon away.
lab_daemon() {
    local verb=${1:-} host=${2:-}
    host_ns "$host" >/dev/null
    case "$verb" in
        start) daemon_start "$host" "${@:3}" ;;
        stop) daemon_stop "$host" ;;
        pid) daemon_pid "$host" || fail "no alpined on host $host" ;;
        log) cat "$run_dir/alpined-$host.log" ;;
        *) misuse "daemon: unknown verb '$verb' (start, stop, pid, log)" ;;
    esac
}
