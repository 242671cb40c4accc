# SPDX-License-Identifier: GPL-2.0
"""redis: server, command line and benchmark, each under Alpine with its other side on a host-kernel host."""
import csv
import io
import os
import signal
import time

from lab import ADDRESS, alp, on, wait_until
from processes import children_of
from programs import python
from runner import main
from unseen import check_unseen

PORT = 6379
REQUESTS = 10_000


def server(lab):
    return ["redis-server", "--port", str(PORT), "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "",
            "--enable-debug-command", "yes", "--dir", lab.tmp]


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


# Writes while a child of the server saves, and counts the answers: save_under_load.py ADDRESS PORT SAVES REWRITES
SAVE_UNDER_LOAD = """
import socket, sys, time
address, port, saves, rewrites = sys.argv[1], *map(int, sys.argv[2:])
link = socket.create_connection((address, port), 30)
replies = link.makefile("rb")
written = 0

def command(*words):
    link.sendall(b"*%d\\r\\n" % len(words) + b"".join(b"$%d\\r\\n%b\\r\\n" % (len(w), w) for w in words))

def ask(*words):
    command(*(word.encode() for word in words))
    line = replies.readline()
    assert line[:1] != b"-", line
    return replies.read(int(line[1:]) + 2)[:-2].decode() if line[:1] == b"$" else line[1:-2].decode()

def persistence():
    return dict(line.split(":", 1) for line in ask("INFO", "persistence").splitlines() if ":" in line)

def write_until(done):
    global written
    batches = 0
    while not done() or batches == 0:
        for _ in range(500):
            command(b"SET", b"key%d" % written, b"value%d" % written * 20)
            written += 1
        for _ in range(500):
            assert replies.readline() == b"+OK\\r\\n"
        batches += 1

write_until(lambda: written >= 20000)
for _ in range(saves):
    ask("BGSAVE")
    write_until(lambda: persistence()["rdb_bgsave_in_progress"] == "0")
    assert persistence()["rdb_last_bgsave_status"] == "ok"
for _ in range(rewrites):
    ask("BGREWRITEAOF")
    write_until(lambda: persistence()["aof_rewrite_in_progress"] == "0" == persistence()["aof_rewrite_scheduled"])
    assert persistence()["aof_last_bgrewrite_status"] == "ok"
ask("BGSAVE")
while persistence()["rdb_bgsave_in_progress"] == "1":
    time.sleep(0.05)
print(ask("DBSIZE"), written)
"""


def test_background_saves_under_load_lose_nothing(lab):
    server_process = lab.start_listener("a", alp(*server(lab)), PORT)
    size, written = lab.run("b", python(SAVE_UNDER_LOAD, ADDRESS["a"], PORT, 5, 2), timeout=90).stdout.split()
    assert int(size) == int(written) > 20000
    digest = lab.run("b", cli("a", "debug", "digest")).stdout.strip()
    assert len(digest) == 40, digest
    lab.stop(server_process, signal.SIGKILL)
    # What the child has written is all of it: a server that starts from it has the same.
    lab.start_listener("a", alp(*server(lab)), PORT)
    assert lab.run("b", cli("a", "dbsize")).stdout.split()[-1] == size
    assert lab.run("b", cli("a", "debug", "digest")).stdout.strip() == digest
    assert lab.run("b", cli("a", "get", "key12345")).stdout.strip() == "value12345" * 20


def test_a_killed_background_save_does_not_disturb_the_server(lab):
    process = lab.start_listener("a", alp(*server(lab), "--rdb-key-save-delay", "10000"), PORT)
    lab.run("b", cli("a", "debug", "populate", "2000"))
    for _ in range(5):
        lab.run("b", cli("a", "bgsave"))
        wait_until(lambda: children_of(process.pid), "the save runs")
        time.sleep(0.5)  # it has closed its sockets: killed in the middle of a call, it would take the stack along
        os.kill(children_of(process.pid)[0], signal.SIGKILL)
        wait_until(lambda: "rdb_bgsave_in_progress:0" in lab.run("b", cli("a", "info", "persistence")).stdout,
                   "the server has learned of it")
        assert lab.run("b", cli("a", "dbsize")).stdout.split()[-1] == "2000"


main(check_unseen)
