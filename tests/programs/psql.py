# SPDX-License-Identifier: GPL-2.0
"""psql under Alpine on a PostgreSQL that a host kernel serves: queries, megabytes by COPY, notifications."""
import glob
import hashlib

from lab import ADDRESS, alp
from runner import main
from unseen import check_unseen

PORT = 15432
ROWS = 50_000


def programs():
    """Debian keeps each version's programs in a folder of its own; the newest."""
    return sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))[-1]


def start_server(lab):
    data = lab.path("pg")
    lab.run("b", [programs() + "/initdb", "-D", data, "-U", "lab", "-A", "trust", "--no-sync", "--locale=C",
                  "-E", "UTF8"])
    with open(data + "/pg_hba.conf", "a") as file:
        file.write("host all all 10.77.0.0/24 scram-sha-256\n")
    lab.start_listener("b", [programs() + "/postgres", "-D", data, "-h", ADDRESS["b"], "-p", str(PORT), "-k", lab.tmp,
                             "-F"], PORT)
    lab.run("b", [programs() + "/psql", "-qh", lab.tmp, "-p", str(PORT), "-U", "lab", "-d", "postgres", "-c",
                  "ALTER USER lab PASSWORD 'secret'"])


def psql(lab, *options, **more):
    command = [programs() + "/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", ADDRESS["b"], "-p", str(PORT), "-U", "lab",
               "-d", "postgres", *options]
    return lab.run("a", alp(*command), env={"PGPASSWORD": "secret"}, **more)


def test_query_results_are_right(lab):
    start_server(lab)
    done = psql(lab, "-c", "SELECT sum(n), count(*) FROM generate_series(1, 1000) AS n",
                "-c", "SELECT inet_client_addr()")
    assert done.stdout.splitlines() == ["500500|1000", ADDRESS["a"]], done
    wrong = psql(lab, "-c", "SELECT 1/0", check=False)
    assert wrong.returncode == 1 and "division by zero" in wrong.stderr, wrong


def test_copy_carries_megabytes_both_ways(lab):
    start_server(lab)
    text = "".join("%d\t%s\n" % (i, hashlib.sha256(b"%d" % i).hexdigest()) for i in range(ROWS))
    lab.write("rows", text, 0o644)
    commands = "CREATE TABLE rows (n integer, digest text);\n\\copy rows FROM '%s'\n" % lab.path("rows")
    psql(lab, "-f", lab.write("commands", commands, 0o644))
    right = "SELECT count(*) FROM rows WHERE digest = encode(sha256(n::text::bytea), 'hex')"
    assert psql(lab, "-c", right).stdout.strip() == str(ROWS)
    assert psql(lab, "-c", "COPY (SELECT * FROM rows ORDER BY n) TO STDOUT").stdout == text


def test_script_on_standard_input_gets_its_notification(lab):
    start_server(lab)
    script = "LISTEN news;\nNOTIFY news, 'hello';\nSELECT 42;\n"
    shown = psql(lab, input=script).stdout
    assert 'notification "news" with payload "hello"' in shown and "42" in shown, shown


main(check_unseen)
