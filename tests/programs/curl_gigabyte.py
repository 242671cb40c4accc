# SPDX-License-Identifier: GPL-2.0
"""curl under Alpine fetches 1 GiB from nginx on a host-kernel host: whole, unseen by the host's stack, without a reset."""
import hashlib
import subprocess
import time

from lab import ADDRESS, ADDRESS6, alp, wait_until
from nginx import nginx_command
from runner import main

GIBIBYTE = 1 << 30
PORT = 8080
# Segments that open, close or reset a connection, in IPv4 and (without extension headers) IPv6.
CONTROL_SEGMENTS = "tcp port %d and (tcp[13] & 7 != 0 or (ip6 and ip6[53] & 7 != 0))" % PORT
RESETS = "tcp[13] & 4 != 0 or (ip6 and ip6[53] & 4 != 0)"


def make_file(lab):
    """A gibibyte of bytes that do not repeat, and its sha256."""
    path, digest = lab.path("gigabyte"), hashlib.sha256()
    with open("/dev/urandom", "rb") as source, open(path, "wb") as file:
        for _ in range(GIBIBYTE >> 22):
            piece = source.read(1 << 22)
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def read_capture(lab, capture, expression):
    shown = lab.run("b", ["tcpdump", "-nn", "-r", capture, expression], user=False)
    return shown.stdout.splitlines()


def host_kernel_knows(lab, server):
    """The ends of connections to the server that the host's own stack on a has, in any state."""
    shown = lab.run("a", ["ss", "-Htan", "dst", server], user=False).stdout
    return {line.split()[3] for line in shown.splitlines()}


def fetch_and_check(lab, client, url_host):
    expected = make_file(lab)
    lab.start_listener("b", nginx_command(lab, lab.tmp, PORT), PORT, user=False)
    capture = lab.path("control.pcap")
    dump = lab.start("b", ["tcpdump", "-nn", "-Z", "root", "-U", "--immediate-mode", "-i", "eth0", "-w", capture,
                           CONTROL_SEGMENTS], user=False)
    wait_until(lambda: "listening on" in open(dump.log).read(), "tcpdump listens")

    known_before = host_kernel_knows(lab, url_host)  # the lab's own look whether nginx answers
    url = "http://%s:%d/gigabyte" % (url_host, PORT)
    curl = lab.start("a", alp("curl", "-gsS", "--fail", url), stdout=subprocess.PIPE, text=False)
    digest, total, looked = hashlib.sha256(), 0, 0
    while piece := curl.stdout.read(1 << 20):
        digest.update(piece)
        total += len(piece)
        if total >> 28 > looked:  # a look at every quarter
            looked += 1
            assert host_kernel_knows(lab, url_host) <= known_before, host_kernel_knows(lab, url_host)
    assert curl.wait(30) == 0, open(curl.log).read()
    assert total == GIBIBYTE, total
    assert digest.hexdigest() == expected
    time.sleep(0.5)  # the last FIN and its answer
    lab.stop(dump)

    from_a = read_capture(lab, capture, "src host " + client)
    assert any("Flags [S]" in line for line in from_a), from_a
    assert any("Flags [F" in line for line in from_a), from_a
    assert read_capture(lab, capture, "not host " + client) == []
    assert read_capture(lab, capture, RESETS) == []


def test_fetches_1gib_over_ipv4(lab):
    fetch_and_check(lab, ADDRESS["a"], ADDRESS["b"])


def test_fetches_1gib_over_ipv6(lab):
    fetch_and_check(lab, ADDRESS6["a"], "[%s]" % ADDRESS6["b"])


main()
