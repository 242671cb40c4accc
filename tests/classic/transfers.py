# SPDX-License-Identifier: GPL-2.0
"""Programs on the classic wire: what they carry arrives whole, in every direction, and nobody sees a reset."""
import os
import signal
import subprocess
import time

from lab import ADDRESS, ADDRESS6, alp, wait_until
from payload import make_file, sha256_of
from programs import BIND, python
from runner import main

CLASSIC = ["--wire", "classic"]
PORT = 8080
MEBIBYTE = 1 << 20
RESETS = "tcp port %d and (tcp[13] & 4 != 0 or (ip6 and ip6[53] & 4 != 0))" % PORT


def http_server(lab):
    return ["/usr/bin/python3", "-m", "http.server", str(PORT), "--bind", "::", "--directory", lab.tmp]


def watch_resets(lab):
    """Has b's tcpdump write down every reset that it sees; answers what to call for the lines."""
    dump = lab.start("b", ["tcpdump", "-nn", "-Z", "root", "-U", "--immediate-mode", "-i", "eth0", RESETS], user=False)
    wait_until(lambda: "listening on" in open(dump.log).read(), "tcpdump listens")

    def resets():
        time.sleep(0.3)  # what is under way
        lab.stop(dump)
        return [line for line in open(dump.log) if "Flags [" in line]
    return resets


def fetch(lab, host, address, expected, under_alpine):
    out = lab.path("fetched")
    url = "http://%s:%d/file" % (address, PORT)
    curl = ["curl", "-gsS", "--fail", "-o", out, url]
    lab.run(host, alp(*curl, options=CLASSIC) if under_alpine else curl, user=under_alpine, timeout=120)
    assert sha256_of(out) == expected
    lab.run(host, ["rm", out], user=False)


def test_curl_fetches_50_mib_by_ipv4_and_ipv6_without_a_reset(lab):
    expected = make_file(lab, "file", 50 * MEBIBYTE)
    lab.start_listener("b", http_server(lab), PORT)
    resets = watch_resets(lab)
    fetch(lab, "a", ADDRESS["b"], expected, True)
    fetch(lab, "a", "[%s]" % ADDRESS6["b"], expected, True)
    assert resets() == []


def test_server_is_fetched_from_by_ipv4_and_ipv6_without_a_reset(lab):
    expected = make_file(lab, "file", 50 * MEBIBYTE)
    lab.start_listener("a", alp(*http_server(lab), options=CLASSIC), PORT)
    resets = watch_resets(lab)
    fetch(lab, "b", ADDRESS["a"], expected, False)
    fetch(lab, "b", "[%s]" % ADDRESS6["a"], expected, False)
    assert resets() == []


def test_server_serves_programs_of_its_own_host_on_every_kind_of_stack(lab):
    """The host's own, the classic wire and the steer wire, to the host's address and to loopback."""
    expected = make_file(lab, "file", 5 * MEBIBYTE)
    lab.start_listener("a", alp(*http_server(lab), options=CLASSIC), PORT)
    for address in (ADDRESS["a"], "127.0.0.1", "[%s]" % ADDRESS6["a"], "[::1]"):
        for prefix in ([], alp(options=CLASSIC), alp(options=["--wire", "steer"])):
            out = lab.path("fetched")
            url = "http://%s:%d/file" % (address, PORT)
            done = lab.run("a", [*prefix, "curl", "-gsS", "--fail", "-m", "20", "-o", out, url], check=False)
            assert done.returncode == 0, (prefix, address, done.stderr)
            assert sha256_of(out) == expected, (prefix, address)
            lab.run("a", ["rm", out])


def test_client_reaches_servers_of_its_own_host_on_every_kind_of_stack(lab):
    expected = make_file(lab, "file", 5 * MEBIBYTE)
    for prefix in ([], alp(options=["--wire", "steer"])):
        server = lab.start_listener("a", [*prefix, *http_server(lab)], PORT)
        for address in (ADDRESS["a"], "127.0.0.1", "[%s]" % ADDRESS6["a"], "[::1]"):
            fetch(lab, "a", address, expected, True)
        lab.stop(server)


def test_one_port_has_one_owner(lab):
    def holder(command):
        process = lab.start("a", command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.readline().strip() == "bound", open(process.log).read()
        return process
    bind = python(BIND, PORT)
    classic, steer = alp(*bind, options=CLASSIC), alp(*bind, options=["--wire", "steer"])
    for one, others in ((classic, (bind, classic, steer)), (bind, (classic,)), (steer, (classic,))):
        held = holder(one)
        for other in others:
            assert lab.run("a", other, check=False).stdout.strip() == "EADDRINUSE", (one, other)
        lab.stop(held)
        wait_until(lambda: lab.run("a", bind, check=False).stdout.strip() == "bound", "the port is free again")


def test_udp_datagrams_of_60000_bytes_go_both_ways(lab):
    echo = ("import socket; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(('::', %d)); print('up', flush=True)\n"
            "while True: data, peer = s.recvfrom(65536); s.sendto(data, peer)" % PORT)
    ask = ("import os, socket, sys; family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET\n"
           "s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(5); sent = os.urandom(60000)\n"
           "s.sendto(sent, (sys.argv[1], %d)); print(s.recv(65536) == sent)" % PORT)
    server = lab.start("b", python(echo), stdout=subprocess.PIPE)
    assert server.stdout.readline().strip() == "up"
    for address in (ADDRESS["b"], ADDRESS6["b"]):
        assert lab.run("a", alp(*python(ask, address), options=CLASSIC)).stdout.strip() == "True", address


LISTENER = """
import socket
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.bind(("", 8090))
print("ready", flush=True)
for _ in range(201):
    print(link.recv(100).decode(), flush=True)
"""
LAST_WORDS = """
import socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.connect((sys.argv[1], 8090))
link.send(b"first")
print("ready", flush=True)
sys.stdin.readline()
for i in range(200):
    link.send(b"%d" % i)
"""


def test_what_a_program_has_sent_last_gets_out(lab):
    """alpined finds the program's end together with more datagrams than it takes from a line at a time."""
    listener = lab.start("b", python(LISTENER))
    wait_until(lambda: "ready" in open(listener.log).read(), "the listener is ready")
    program = lab.start("a", alp(*python(LAST_WORDS, ADDRESS["b"]), options=CLASSIC), stdin=subprocess.PIPE)
    wait_until(lambda: "first" in open(listener.log).read(), "the first has come")
    pid = int(lab.daemon("pid"))
    os.kill(pid, signal.SIGSTOP)
    program.stdin.write("\n")
    program.stdin.close()
    try:
        wait_until(lambda: program.poll() is not None, "the program has ended")
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: open(listener.log).read().split()[1:] == ["first", *map(str, range(200))], "all have come")


main()
