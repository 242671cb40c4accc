# SPDX-License-Identifier: GPL-2.0
"""Apache with its prefork module, a process for each connection, under Alpine; host b's ab asks."""
import re
import signal
import subprocess

from lab import ADDRESS, alp, wait_until
from payload import make_file, sha256_of
from processes import children_of
from runner import main
from unseen import check_unseen

PORT = 8081
SIZE = 30_000
REQUESTS = 4000
URL = "http://%s:%d/file" % (ADDRESS["a"], PORT)
CONFIG = """
ServerRoot {tmp}
DefaultRuntimeDir {tmp}
PidFile {tmp}/apache.pid
ErrorLog {tmp}/apache.log
LogLevel notice
ServerName a
Listen {port}
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
StartServers 4
MinSpareServers 4
MaxSpareServers 8
MaxRequestWorkers 40
MaxConnectionsPerChild {per_child}
KeepAlive On
MaxKeepAliveRequests 0
DocumentRoot {tmp}
<Directory {tmp}>
    Require all granted
</Directory>
"""


def start(lab, per_child=0):
    digest = make_file(lab, "file", SIZE)
    config = lab.write("apache.conf", CONFIG.format(tmp=lab.tmp, port=PORT, per_child=per_child))
    server = lab.start_listener("a", alp("/usr/sbin/apache2", "-f", config, "-DFOREGROUND"), PORT)
    return server, digest


def start_ab(lab, *options, requests=REQUESTS):
    return lab.start("b", ["ab", "-q", "-n", str(requests), "-c", "32", *options, URL], stdout=subprocess.PIPE)


def check_ab(ab, requests=REQUESTS):
    shown = ab.communicate(timeout=120)[0]
    assert ab.returncode == 0, shown + open(ab.log).read()
    complete = re.search(r"Complete requests:\s+(\d+)", shown)
    assert complete and int(complete[1]) == requests, shown
    assert re.search(r"Failed requests:\s+0\n", shown) and "Non-2xx" not in shown, shown


def fetch(lab, digest):
    lab.run("b", ["curl", "-sS", "--fail", "-o", lab.path("got"), URL])
    assert sha256_of(lab.path("got")) == digest


def test_32_connections_at_once_are_served_by_as_many_processes(lab):
    server, digest = start(lab)
    check_ab(start_ab(lab))
    check_ab(start_ab(lab, "-k"))
    assert len(children_of(server.pid)) >= 8, children_of(server.pid)
    fetch(lab, digest)


def test_processes_that_end_after_50_connections_fail_no_request(lab):
    server, digest = start(lab, per_child=50)
    before = set(children_of(server.pid))
    check_ab(start_ab(lab))
    assert not before & set(children_of(server.pid))
    fetch(lab, digest)


def test_a_graceful_restart_fails_no_request(lab):
    server, digest = start(lab)
    ab = start_ab(lab, requests=3 * REQUESTS)
    for i in range(3):
        before = set(children_of(server.pid))
        server.send_signal(signal.SIGUSR1)
        wait_until(lambda: len(children_of(server.pid)) >= 4 and not before & set(children_of(server.pid)),
                   "new processes have taken over", timeout=30)
    assert ab.poll() is None, "ab ended before the restarts"
    check_ab(ab, requests=3 * REQUESTS)
    fetch(lab, digest)
    with open(lab.path("apache.log")) as file:
        wrong = [line for line in file if re.search(r":(error|crit|alert|emerg)\]", line)]
    assert wrong == [], wrong


main(check_unseen)
