# SPDX-License-Identifier: GPL-2.0
"""Servers on host a, asked from host b: nginx under wrk, redis under its own benchmark. Each measurement has a server of its
own."""
import csv
import io
import re
import shutil
import tempfile
from pathlib import Path

from cpu import CpuMeter
from lab import ADDRESS_A, BenchError
from scenario import Scenario, on_side, per_request, ratio_at_least

HTTP_PORT, REDIS_PORT = 7013, 7014
SECONDS = 4
CONNECTIONS = 64

NGINX = """daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{ listen {port}; root {folder}; }}
}}
"""


def requests_per_s(wrk_output):
    rate = re.search(r"Requests/sec: +([0-9.]+)", wrk_output)
    if rate is None or "Non-2xx" in wrk_output or "Socket errors" in wrk_output:
        raise BenchError("wrk: " + " ".join(wrk_output.split()))
    return float(rate.group(1))


class Served(Scenario):
    """A server on host a, and what asks it."""
    unit, cpu_unit = "per s", "us/request"
    target = ratio_at_least(0.9)

    def measure(self, lab, side):
        server = lab.serve("a", on_side(side, self._server()), port=self._port)
        try:
            self._prepare(lab)
            cpu = CpuMeter(server.pid)
            rate, count = self._ask(lab)
            return per_request(rate, cpu.report(), count)
        finally:
            lab.stop(server)

    def _server(self):
        raise NotImplementedError

    def _prepare(self, lab):
        """What is not measured."""

    def _ask(self, lab):
        """(requests a second, requests)."""
        raise NotImplementedError


class Nginx(Served):
    _port = HTTP_PORT

    def __init__(self, kib):
        self.name, self.title = f"nginx-{kib}k", f"nginx, 1 worker, {kib} KiB, wrk"
        self.question = f"How many files of {kib} KiB a second does nginx serve?"
        self.method = (f"nginx with one worker and sendfile on host a; wrk on host b, {CONNECTIONS} connections that stay open, "
                       f"{SECONDS} s.")
        self._kib, self._folder = kib, None

    def start(self, lab):
        self._folder = Path(tempfile.mkdtemp(prefix="alpine-bench-"))
        self._folder.chmod(0o777)
        (self._folder / "file").write_bytes(b"a" * (self._kib << 10))
        (self._folder / "nginx.conf").write_text(NGINX.format(folder=self._folder, port=HTTP_PORT))

    def stop(self, lab):
        if self._folder is not None:
            shutil.rmtree(self._folder)

    def _server(self):
        return ["nginx", "-e", str(self._folder / "error.log"), "-c", str(self._folder / "nginx.conf")]

    def _ask(self, lab):
        out, _ = lab.run("b", ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", "--timeout", "10s",
                               f"http://{ADDRESS_A}:{HTTP_PORT}/file"])
        return requests_per_s(out), int(re.search(r"(\d+) requests in", out).group(1))


class Redis(Served):
    _port = REDIS_PORT

    def __init__(self, command, pipelined, count):
        self.name = f"redis-{command.lower()}" + (f"-p{pipelined}" if pipelined > 1 else "")
        self.title = f"redis, {command}" + (f", {pipelined} in one" if pipelined > 1 else "")
        self.question = f"How many {command} a second does redis carry out?"
        self.method = (f"redis-server without persistence on host a; redis-benchmark on host b, 50 connections, {count} times"
                       + (f", {pipelined} requests sent at once (-P {pipelined})." if pipelined > 1 else "."))
        self._command, self._pipelined, self._count = command, pipelined, count

    def _server(self):
        return ["redis-server", "--port", str(REDIS_PORT), "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "",
                "--appendonly", "no", "--dir", "/tmp"]

    def _benchmark(self, command, count, *options):
        return ["redis-benchmark", "-h", ADDRESS_A, "-p", str(REDIS_PORT), "-t", command.lower(), "-n", str(count), "--csv",
                *options]

    def _prepare(self, lab):
        lab.run("b", self._benchmark("SET", 1, "-c", "1"))  # else there is nothing to GET

    def _ask(self, lab):
        out, _ = lab.run("b", self._benchmark(self._command, self._count, "-c", "50", "-P", str(self._pipelined)))
        for row in csv.DictReader(io.StringIO(out)):
            if row["test"] == self._command:
                return float(row["rps"]), self._count
        raise BenchError("redis-benchmark: " + " ".join(out.split()))


PLAIN, PIPELINED = 100_000, 300_000
SCENARIOS = [Nginx(1), Nginx(100), Redis("GET", 1, PLAIN), Redis("SET", 1, PLAIN), Redis("GET", 16, PIPELINED),
             Redis("SET", 16, PIPELINED)]
