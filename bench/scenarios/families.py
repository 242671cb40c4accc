# SPDX-License-Identifier: GPL-2.0
"""Processes that share a stack, beside threads of one process, and beside the host kernel's."""
import json
import shutil
import tempfile
from pathlib import Path

from lab import ADDRESS_A, ADDRESS_B
from scenario import ALPINE, HOST, Scenario, Target, on_side, ratio_at_least, ratio_at_most
from scenarios.servers import requests_per_s

ECHO_PORT = 7010
HTTP_PORT = 7011
MILLISECONDS = 300
SOCKETS, FORKS = 100, 100
WORKERS = 2
SECONDS = 4


def share_of_threads_at_least(bound):
    return Target(f"at least 1/{bound:g} of as many threads", lambda outcome: outcome.ratio, lambda ratio: ratio * bound >= 1,
                  ratio_bound=1 / bound)


class Callers(Scenario):
    """Both sides are Alpine: what the table calls the host kernel is one process with as many threads."""
    unit = "calls/us"
    columns = ("threads", "processes")
    target, headline = share_of_threads_at_least(1.3), True
    question = "What do the processes of one family pay for sharing a stack, beside threads of one process?"
    method = ("bench_callers, under Alpine on both sides: as many callers as there can be at once make getsockopt() calls on "
              "sockets of their own; on the left the threads of one process, on the right each a process.")

    def __init__(self, count):
        self.name, self.title = f"family-calls-{count}", f"calls, {count} processes (left: threads)"
        self._count = count

    def measure(self, lab, side):
        kind = {HOST: "threads", ALPINE: "processes"}[side]
        command = ["bench_callers", kind, str(self._count), str(MILLISECONDS)]
        return json.loads(lab.run("a", on_side(ALPINE, command))[0])["per_us"]


class Fork(Scenario):
    name, title, unit = "family-fork", f"fork, child and wait, {SOCKETS} connections", "us"
    target, headline = ratio_at_most(1.2), True
    question = "What does a fork cost with open connections?"
    method = (f"bench_fork on host a with {SOCKETS} connections to host b: {FORKS} times a fork, a child that ends at once, and "
              "waiting for it; the median.")

    def __init__(self):
        self._server = None

    def start(self, lab):
        self._server = lab.serve("b", ["bench_echo_server", "tcp", ADDRESS_B, str(ECHO_PORT)], says_ready=True)

    def stop(self, lab):
        if self._server is not None:
            lab.stop(self._server)

    def measure(self, lab, side):
        command = ["bench_fork", ADDRESS_B, str(ECHO_PORT), str(SOCKETS), str(FORKS)]
        return json.loads(lab.run("a", on_side(side, command))[0])["median_us"]


NGINX = """daemon off;
worker_processes {workers};
error_log {folder}/error.log;
pid {folder}/pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{ listen {port} reuseport; location / {{ return 200 "{word}"; }} }}
}}
"""


class Nginx(Scenario):
    name, title, unit = "family-nginx", f"nginx, {WORKERS} workers, wrk", "requests/s"
    target, headline = ratio_at_least(0.6), True
    question = "How many requests a second do several processes answer that share a stack?"
    method = f"nginx with {WORKERS} workers on host a, SO_REUSEPORT; wrk on host b, 64 connections, {SECONDS} s."

    def __init__(self):
        self._folder = None

    def start(self, lab):
        self._folder = Path(tempfile.mkdtemp(prefix="alpine-bench-"))
        self._folder.chmod(0o777)
        (self._folder / "nginx.conf").write_text(
            NGINX.format(workers=WORKERS, folder=self._folder, port=HTTP_PORT, word="a" * 100))

    def stop(self, lab):
        if self._folder is not None:
            shutil.rmtree(self._folder)

    def measure(self, lab, side):
        server = lab.serve("a", on_side(side, ["nginx", "-e", str(self._folder / "error.log"), "-c",
                                               str(self._folder / "nginx.conf")]), port=HTTP_PORT)
        try:
            out, _ = lab.run("b", ["wrk", "-t", "1", "-c", "64", "-d", f"{SECONDS}s",
                                   f"http://{ADDRESS_A}:{HTTP_PORT}/"])
        finally:
            lab.stop(server)
        return requests_per_s(out)


SCENARIOS = [*map(Callers, (2, 4, 16)), Fork(), Nginx()]
