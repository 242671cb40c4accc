# SPDX-License-Identifier: GPL-2.0
"""Servers under Alpine on host a, fetched from by host b's curl: 100 files at once, each checked."""
import hashlib
import os

from lab import ADDRESS, ADDRESS6, alp
from nginx import nginx_command
from programs import python
from runner import main

FILES = 100
PORT = 8080


def make_files(lab):
    """Files of different sizes, from one byte to some 2 MB. Returns {name: sha256}."""
    root, digests = lab.path("www"), {}
    os.mkdir(root)
    os.chmod(root, 0o755)
    for i in range(FILES):
        data = os.urandom(1 + (i * i * 211))
        digests["file%d" % i] = hashlib.sha256(data).hexdigest()
        with open(os.path.join(root, "file%d" % i), "wb") as file:
            file.write(data)
    return digests


def fetch(lab, url_host, digests, at_once):
    got = lab.path("got")
    os.makedirs(got, exist_ok=True)
    os.chmod(got, 0o777)
    config = lab.write("curl.conf", "".join('url="http://%s:%d/%s"\noutput="%s/%s"\n' % (url_host, PORT, n, got, n)
                                            for n in digests))
    lab.run("b", ["curl", "-gsS", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", str(at_once),
                  "--config", config], timeout=120)
    compare(got, digests)


def compare(got, digests):
    for name, expected in digests.items():
        with open(os.path.join(got, name), "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == expected, name
        os.unlink(os.path.join(got, name))


def fetch_by_processes(lab, url_host, digests):
    """One curl for each file, all started at once."""
    got = lab.path("got")
    os.makedirs(got, exist_ok=True)
    os.chmod(got, 0o777)
    script = 'for n in %s; do curl -sS --max-time 90 -o "$1/$n" "$2/$n" & done; wait' % " ".join(digests)
    lab.run("b", ["sh", "-c", script, "sh", got, "http://%s:%d" % (url_host, PORT)], timeout=100)
    compare(got, digests)


def test_nginx_serves_100_files_at_once_over_ipv4(lab):
    digests = make_files(lab)
    lab.start_listener("a", alp(*nginx_command(lab, lab.path("www"), PORT)), PORT)
    fetch(lab, ADDRESS["a"], digests, at_once=FILES)


def test_nginx_serves_100_files_at_once_over_ipv6(lab):
    digests = make_files(lab)
    lab.start_listener("a", alp(*nginx_command(lab, lab.path("www"), PORT)), PORT)
    fetch(lab, "[%s]" % ADDRESS6["a"], digests, at_once=FILES)


def test_nginx_without_sendfile_serves_100_files_at_once(lab):
    digests = make_files(lab)
    lab.start_listener("a", alp(*nginx_command(lab, lab.path("www"), PORT, sendfile="off")), PORT)
    fetch(lab, ADDRESS["a"], digests, at_once=FILES)


def test_python_http_server_serves_100_files_to_100_curls(lab):
    # Its backlog is 5. One curl that opens 100 connections in an instant overruns it on any kernel, the host's too.
    digests = make_files(lab)
    lab.start_listener("a", alp("/usr/bin/python3", "-m", "http.server", str(PORT), "--directory", lab.path("www")),
                       PORT)
    fetch_by_processes(lab, ADDRESS["a"], digests)


def test_python_http_server_with_a_longer_backlog_serves_100_files_at_once(lab):
    digests = make_files(lab)
    run_module = ("import runpy, socketserver; socketserver.TCPServer.request_queue_size = 128; "
                  "runpy.run_module('http.server', run_name='__main__')")
    lab.start_listener("a", alp(*python(run_module, PORT, "--directory", lab.path("www"))), PORT)
    fetch(lab, ADDRESS["a"], digests, at_once=FILES)


main()
