# SPDX-License-Identifier: GPL-2.0
# The two hosts as network namespaces. Sourced by lab.sh.

# host_ns a|b: the namespace's name.
host_ns() {
    case "$1" in
        a | b) printf 'alpine-%s%s' "${instance:+$instance-}" "$1" ;;
        *) misuse "no such host '$1' (there are a and b)" ;;
    esac
}

in_host() {
    local host=$1
    shift
    ip netns exec "$(host_ns "$host")" "$@"
}

hosts_create() {
    local a b
    a=$(host_ns a)
    b=$(host_ns b)
    ip netns add "$a"
    ip netns add "$b"
    # Made inside the namespaces: the machine's own namespace never sees a device of the lab.
    ip -n "$a" link add eth0 type veth peer name eth0 netns "$b"
    host_configure "$a" 1
    host_configure "$b" 2
    host_wait_for_carrier "$a"
    host_wait_for_carrier "$b"
}

host_configure() {
    local ns=$1 number=$2
    # Duplicate address detection would keep the IPv6 addresses unusable for a second or two.
    ip netns exec "$ns" sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
        net.ipv6.conf.eth0.accept_dad=0
    ip -n "$ns" addr add "10.77.0.$number/24" dev eth0
    ip -n "$ns" addr add "fd77::$number/64" dev eth0 nodad
    ip -n "$ns" link set lo up
    ip -n "$ns" link set eth0 up
}

# The kernel hears of a link's carrier from a work queue, once a second at most, and has no route for IPv6 multicast
# before.
host_wait_for_carrier() {
    local ns=$1 try
    for try in $(seq 1 100); do
        [[ -z $(ip -n "$ns" -6 route show table local ff00::/8 dev eth0) ]] || return 0
        sleep 0.02
    done
    fail "eth0 of $ns has no carrier"
}

# host_destroy a|b: ends what runs there, then removes the namespace. No error when there is none.
host_destroy() {
    local ns
    ns=$(host_ns "$1")
    [[ -e /run/netns/$ns ]] || return 0
    host_end_processes "$ns"
    ip netns delete "$ns"
}

# Asks with SIGTERM, waits up to two seconds, then insists.
host_end_processes() {
    local ns=$1 pids try
    for try in $(seq 1 20); do
        pids=$(ip netns pids "$ns" 2>/dev/null) || true
        [[ -n $pids ]] || return 0
        # shellcheck disable=SC2086 # one word per pid is meant
        [[ $try -ne 1 ]] || kill -TERM $pids 2>/dev/null || true
        sleep 0.1
    done
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
}
