# SPDX-License-Identifier: GPL-2.0
"""A PostgreSQL server on a lab host, with a database and a user of its own."""
import glob
import os

from lab import ADDRESS, on

PORT = 15432
USER, PASSWORD = "lab", "secret"


def programs():
    """Debian keeps each version's programs in a folder of its own; the newest."""
    return sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))[-1]


def start_server(lab, host):
    """Returns its Popen, whose pid is the postmaster's."""
    data = lab.path("pg")
    lab.run(host, [programs() + "/initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync", "--locale=C",
                   "-E", "UTF8"])
    with open(os.path.join(data, "pg_hba.conf"), "a") as file:
        file.write("host all all 10.77.0.0/24 scram-sha-256\n")
    command = [programs() + "/postgres", "-D", data, "-h", ADDRESS[host], "-p", str(PORT), "-k", lab.tmp, "-F"]
    server = lab.start_listener(host, on(host, *command), PORT)
    lab.run(host, [programs() + "/psql", "-qh", lab.tmp, "-p", str(PORT), "-U", USER, "-d", "postgres", "-c",
                   "ALTER USER %s PASSWORD '%s'" % (USER, PASSWORD)])
    return server
