# SPDX-License-Identifier: GPL-2.0
# The scenes of the demonstration, in order. Sourced by demo.sh.

readonly address_a=10.77.0.1 address_b=10.77.0.2

introduce() {
    cat <<TEXT

${bold}Alpine: a real Linux network stack, unmodified, inside an ordinary process${plain}

  Two hosts, made of network namespaces and joined by a cable (a veth pair):

      a  $address_a   runs alpined, the one privileged part of Alpine
      b  $address_b   an ordinary Linux host that knows nothing of Alpine

  Every command below runs as an unprivileged user. A command that begins with "alp run" uses the Linux stack
  inside its own process; every other command uses the kernel it always used.
TEXT
}

set_the_stage() {
    heading 'Setting up'
    say 'bringing up hosts a and b, alpined on a' "making a file of $file_mib MiB for b to serve"
    "$lab" up
    mkdir "$work/web" "$work/nginx-a" "$work/nginx-b"
    chmod 777 "$work/nginx-a" "$work/nginx-b"
    head -c "${file_mib}M" /dev/urandom >"$work/web/file"
    printf 'Hello from a Linux stack in user space.\n' >"$work/web/index.html"
    write_nginx_config a
    write_nginx_config b
}

write_nginx_config() {
    local own=$work/nginx-$1
    cat >"$work/nginx-$1.conf" <<CONFIG
daemon off;
master_process off;
pid $own/pid;
error_log $own/error.log;
events { worker_connections 512; }
http {
    access_log off;
    sendfile on;
    client_body_temp_path $own; proxy_temp_path $own; fastcgi_temp_path $own; uwsgi_temp_path $own; scgi_temp_path $own;
    server {
        listen 8080;
        root $work/web;
    }
}
CONFIG
}

connections_with_b() { on "$1" ss -Htn state established "( sport = :8080 or dport = :8080 )"; }

listening_on_b() { on b ss -Hltn "sport = :$1" | grep -q .; }

host_a_knows_nothing() { [[ -z $(connections_with_b a) ]]; }

host_b_sees_a() { connections_with_b b | grep -q "$address_a"; }

scene_fetch() {
    local url=http://$address_b:8080/file curl_pid
    heading '1. curl, unmodified, fetches a file over a stack of its own'
    say 'nginx on b runs on the host kernel, curl on a under Alpine, at 100 MB/s so that there is time to look.'
    in_background b nginx -c "$work/nginx-b.conf"
    eventually listening_on_b 8080 || not_ok 'nginx on b did not start'
    announce a "alp run -- curl --limit-rate 100M $url >file &"
    on a alp run -- curl -sS --limit-rate 100M "$url" >"$work/fetched" 2>"$work/curl.log" &
    curl_pid=$!
    background+=("$curl_pid")
    eventually host_b_sees_a || true
    say '' 'Meanwhile, host b has the connection, from the address of a:'
    show b ss -tn state established "sport = :8080" || true
    verify "b talks to $address_a, the host's own address" host_b_sees_a
    say 'the kernel of host a knows of no such connection:'
    show a ss -tn state established "dport = :8080" || true
    verify "a's kernel has none" host_a_knows_nothing
    say 'because it belongs to a stack that alpined steers its packets to:'
    show a alp ps || true
    if wait "$curl_pid"; then
        verify 'the fetched file has the sha256 of the original' same_sha256
    else
        indent <"$work/curl.log"
        not_ok 'curl failed'
    fi
    rm -f "$work/fetched"
}

same_sha256() { [[ $(sha256sum <"$work/web/file") == "$(sha256sum <"$work/fetched")" ]]; }

scene_serve() {
    local url=http://$address_a:8080/
    heading '2. nginx, unmodified, serves from a stack of its own'
    say "Now the other way round: nginx under Alpine on a, curl on b's kernel."
    in_background a alp run -- nginx -c "$work/nginx-a.conf"
    eventually on b curl -sf -o /dev/null "$url" || true
    show b curl -sS --max-time 5 "$url" || true
    verify 'the page came' on b curl -sf --max-time 5 "$url"
    say "Alpine and the host never give out one port twice. A program on a's kernel that wants 8080 as well:"
    show_last a /usr/bin/python3 -c 'import socket; socket.socket().bind(("", 8080))' || true
    verify 'was told that the address is in use' host_cannot_bind
}

host_cannot_bind() {
    on a /usr/bin/python3 - <<'PYTHON'
import errno, socket, sys
try:
    socket.socket().bind(("", 8080))
except OSError as error:
    sys.exit(error.errno != errno.EADDRINUSE)
sys.exit(1)
PYTHON
}

scene_congestion_control() {
    heading '3. What the kernel of the host does not have'
    say 'The TCP congestion controls this kernel offers:'
    show a cat /proc/sys/net/ipv4/tcp_available_congestion_control
    in_background b iperf3 -s
    eventually listening_on_b 5201 || not_ok 'iperf3 on b did not start'
    local vegas=(iperf3 -c "$address_b" -C vegas -t 1 -f g)
    say 'iperf3 with vegas on the host kernel, then the same under Alpine:'
    show a "${vegas[@]}" || true
    announce a "alp run -- ${vegas[*]}"
    if on a alp run -- "${vegas[@]}" >"$work/vegas.log" 2>&1; then
        grep -E 'sender|receiver' "$work/vegas.log" | indent
        ok 'vegas, from the stack that iperf3 carries along'
    else
        indent <"$work/vegas.log"
        not_ok 'vegas under Alpine failed'
    fi
}

scene_sctp() {
    local open='import socket; print(socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP))'
    say 'An SCTP socket, on the host kernel and then under Alpine:'
    show_last a /usr/bin/python3 -c "$open" || true
    show_last a alp run -- /usr/bin/python3 -c "$open" || true
    verify 'the stack speaks SCTP' on a alp run -- /usr/bin/python3 -c "$open"
}

scene_figures() {
    heading '4. The figures'
    say 'The same program on both sides, by turns, over the same cable; medians of three rounds. Half a minute.' ''
    "$repo/bench/run" --headline --rounds 3 2>&1 | sed -u 's/^/  /' || not_ok 'a measurement failed'
}

conclude() {
    heading 'Done'
    if [[ $failures -gt 0 ]]; then
        say "${red}$failures of the things shown did not come out as they should; see above.${plain}" ''
        exit 1
    fi
    say 'Everything came out as it should. To try it yourself:' '' \
        '    sudo ./dev lab up' \
        '    sudo ./dev lab run b --user -- python3 -m http.server 8080 &' \
        '    sudo ./dev lab run a --user -- alp run -- curl -I http://10.77.0.2:8080/     # or any other program' \
        '    sudo ./dev lab down' ''
}
