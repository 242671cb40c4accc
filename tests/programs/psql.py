# SPDX-License-Identifier: GPL-2.0
"""psql under Alpine on a PostgreSQL that a host kernel serves: queries, megabytes by COPY, notifications."""
import hashlib

from lab import ADDRESS, alp
from postgres import PASSWORD, PORT, USER, programs, start_server
from runner import main
from unseen import check_unseen

ROWS = 50_000


def psql(lab, *options, **more):
    command = [programs() + "/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", ADDRESS["b"], "-p", str(PORT), "-U", USER,
               "-d", "postgres", *options]
    return lab.run("a", alp(*command), env={"PGPASSWORD": PASSWORD}, **more)


def test_query_results_are_right(lab):
    start_server(lab, "b")
    done = psql(lab, "-c", "SELECT sum(n), count(*) FROM generate_series(1, 1000) AS n",
                "-c", "SELECT inet_client_addr()")
    assert done.stdout.splitlines() == ["500500|1000", ADDRESS["a"]], done
    wrong = psql(lab, "-c", "SELECT 1/0", check=False)
    assert wrong.returncode == 1 and "division by zero" in wrong.stderr, wrong


def test_copy_carries_megabytes_both_ways(lab):
    start_server(lab, "b")
    text = "".join("%d\t%s\n" % (i, hashlib.sha256(b"%d" % i).hexdigest()) for i in range(ROWS))
    lab.write("rows", text, 0o644)
    commands = "CREATE TABLE rows (n integer, digest text);\n\\copy rows FROM '%s'\n" % lab.path("rows")
    psql(lab, "-f", lab.write("commands", commands, 0o644))
    right = "SELECT count(*) FROM rows WHERE digest = encode(sha256(n::text::bytea), 'hex')"
    assert psql(lab, "-c", right).stdout.strip() == str(ROWS)
    assert psql(lab, "-c", "COPY (SELECT * FROM rows ORDER BY n) TO STDOUT").stdout == text


def test_script_on_standard_input_gets_its_notification(lab):
    start_server(lab, "b")
    script = "LISTEN news;\nNOTIFY news, 'hello';\nSELECT 42;\n"
    shown = psql(lab, input=script).stdout
    assert 'notification "news" with payload "hello"' in shown and "42" in shown, shown


main(check_unseen)
