# SPDX-License-Identifier: GPL-2.0
"""redis: server, command line and benchmark, each under Alpine with its other side on a host-kernel host."""
import csv
import io
import os

from lab import ADDRESS, alp, on
from runner import main
from unseen import check_unseen

PORT = 6379
REQUESTS = 10_000


def server(lab):
    return ["redis-server", "--port", str(PORT), "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "",
            "--dir", lab.tmp]


def cli(host, *words):
    return ["redis-cli", "-h", ADDRESS[host], "-p", str(PORT), *words]


def benchmark(host, *options):
    return ["redis-benchmark", "-h", ADDRESS[host], "-p", str(PORT), "-n", str(REQUESTS), "-c", "50", "--csv", *options]


def commands_processed(lab, client_host, server_host):
    stats = lab.run(client_host, cli(server_host, "info", "stats")).stdout
    return int(stats.split("total_commands_processed:")[1].split()[0])


def check_benchmark(lab, client_host, server_host, *options):
    """Every test of the benchmark reports a rate, and the server counted all of the requests."""
    before = commands_processed(lab, "b", server_host)
    command = benchmark(server_host, "-t", "set,get,lrange_100", *options)
    done = lab.run(client_host, on(client_host, *command), timeout=100)
    rates = {row["test"].split(" (")[0]: float(row["rps"]) for row in csv.DictReader(io.StringIO(done.stdout))}
    assert rates.keys() == {"SET", "GET", "LPUSH", "LRANGE_100"}, done.stdout + done.stderr
    assert min(rates.values()) > 0, rates
    assert commands_processed(lab, "b", server_host) - before >= len(rates) * REQUESTS


def test_server_takes_the_benchmark(lab):
    lab.start_listener("a", alp(*server(lab)), PORT)
    check_benchmark(lab, "b", "a")
    check_benchmark(lab, "b", "a", "-P", "16")


def test_benchmark_measures_a_host_kernel_server(lab):
    lab.start_listener("b", server(lab), PORT)
    check_benchmark(lab, "a", "b")
    check_benchmark(lab, "a", "b", "--threads", "2")


def check_cli(lab, client_host, server_host):
    """A value of some MB goes in and comes out whole; a thousand commands go in by a pipe."""
    def run(*words, **options):
        return lab.run(client_host, on(client_host, *cli(server_host, *words)), **options).stdout

    value = os.urandom(1_500_000).hex()
    assert run("-x", "set", "big", input=value).strip() == "OK"
    assert run("get", "big").strip() == value
    commands = "".join("SET key%d value%d\r\n" % (i, i) for i in range(1000))
    assert "errors: 0, replies: 1000" in run("--pipe", input=commands)
    assert run("mget", "key0", "key999").split() == ["value0", "value999"]


def test_server_answers_redis_cli(lab):
    lab.start_listener("a", alp(*server(lab)), PORT)
    check_cli(lab, "b", "a")


def test_redis_cli_asks_a_host_kernel_server(lab):
    lab.start_listener("b", server(lab), PORT)
    check_cli(lab, "a", "b")


main(check_unseen)
