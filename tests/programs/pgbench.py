# SPDX-License-Identifier: GPL-2.0
"""PostgreSQL, a process for each connection, under Alpine; host b's pgbench with 32 connections."""
import os
import re
import signal

from lab import ADDRESS, wait_until
from postgres import PASSWORD, PORT, USER, programs, start_server
from runner import main
from unseen import check_unseen

CLIENTS = 32
TRANSACTIONS = 30  # of each client


def at_b(lab, program, *words, **options):
    command = [programs() + "/" + program, "-h", ADDRESS["a"], "-p", str(PORT), "-U", USER, *words]
    return lab.run("b", command, env={"PGPASSWORD": PASSWORD}, **options)


def query(lab, text):
    return at_b(lab, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", text).stdout.strip()


def pgbench(lab, *options, transactions=TRANSACTIONS):
    done = at_b(lab, "pgbench", "-n", "-c", str(CLIENTS), "-j", "4", "-t", str(transactions), *options, "postgres",
                timeout=150)
    total = CLIENTS * transactions
    assert "transactions actually processed: %d/%d" % (total, total) in done.stdout, done.stdout + done.stderr
    assert re.search(r"number of failed transactions: 0\b", done.stdout), done.stdout
    return total


def check_books(lab, transactions):
    """What the transactions have moved is the same in all tables."""
    sums = query(lab, "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history), "
                      "(SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(tbalance) FROM pgbench_tellers), "
                      "(SELECT count(*) FROM pgbench_history)")
    assert sums == "t|t|%d" % transactions, sums


def test_32_connections_that_are_kept(lab):
    start_server(lab, "a")
    at_b(lab, "pgbench", "-q", "-i", "-s", "2", "postgres")
    check_books(lab, pgbench(lab))


def test_a_connection_for_each_transaction(lab):
    start_server(lab, "a")
    at_b(lab, "pgbench", "-q", "-i", "-s", "2", "postgres")
    check_books(lab, pgbench(lab, "-C", transactions=TRANSACTIONS // 5))  # 0.1 s each on a slow machine, by any stack


def test_the_server_stays_when_a_backend_is_ended_and_stops_with_connections_open(lab):
    server = start_server(lab, "a")
    held = [lab.start("b", [programs() + "/psql", "-XAtq", "-h", ADDRESS["a"], "-p", str(PORT), "-U", USER, "-d",
                            "postgres", "-c", "SELECT pg_sleep(60)"], env={"PGPASSWORD": PASSWORD}) for _ in range(5)]
    sleeping = "SELECT %s FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
    wait_until(lambda: query(lab, sleeping % "count(*)") == "5", "five sessions sleep")
    ended = int(query(lab, sleeping % "min(pid)"))
    assert query(lab, "SELECT pg_terminate_backend(%d)" % ended) == "t"
    wait_until(lambda: sum(psql.poll() is not None for psql in held) == 1, "its client has been told")
    wait_until(lambda: not os.path.exists("/proc/%d" % ended), "the backend has ended")
    assert query(lab, sleeping % "count(*)") == "4"
    server.send_signal(signal.SIGINT)  # the fast way: sessions are told to end
    assert server.wait(20) == 0
    for psql in held:
        assert psql.wait(10) != 0
        assert "terminating connection" in open(psql.log).read()


main(check_unseen)
