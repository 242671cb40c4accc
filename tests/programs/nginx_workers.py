# SPDX-License-Identifier: GPL-2.0
"""nginx as it runs on servers, a master in the background and four workers: reload, workers that leave or die, binary
upgrade, while host b's wrk asks without a pause. Not one request fails."""
import os
import re
import signal
import subprocess
import time

from lab import ADDRESS, wait_until
from nginx import NginxDaemon
from payload import make_file, sha256_of
from programs import python
from runner import main
from unseen import check_unseen

PORT = 8080
WORKERS = 4
SIZE = 20_000
URL = "http://%s:%d/file" % (ADDRESS["a"], PORT)
# A connection for each request. One that is kept may be closed by a worker that leaves at the very moment when the next
# request arrives, on any kernel.
ONE_REQUEST_EACH = "keepalive_timeout 0;"


class Wrk:
    """Asks until the block ends; then no request may have failed."""

    def __init__(self, lab, seconds):
        self.lab, self.seconds = lab, seconds

    def __enter__(self):
        command = ["wrk", "-t", "2", "-c", "20", "-d", "%ds" % self.seconds, "--timeout", "10s", URL]
        self.process = self.lab.start("b", command, stdout=subprocess.PIPE)
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            return
        assert self.process.poll() is None, "wrk ended before what it should accompany"
        shown = self.process.communicate(timeout=self.seconds + 30)[0]
        found = re.search(r"(\d+) requests in", shown)
        assert found and "Socket errors" not in shown and "Non-2xx" not in shown, shown
        assert int(found[1]) > 100, shown
        print("%s requests, none failed" % found[1])


def start(lab, **options):
    digest = make_file(lab, "file", SIZE)
    return NginxDaemon(lab, lab.tmp, PORT, WORKERS, more=ONE_REQUEST_EACH, **options), digest


def fetch(lab, digest):
    lab.run("b", ["curl", "-sS", "--fail", "-o", lab.path("got"), URL])
    assert sha256_of(lab.path("got")) == digest


def check_log(daemon):
    wrong = [line for line in daemon.said().splitlines() if re.search(r"\[(error|crit|alert|emerg)\]", line)]
    # What the test did itself: the master tells of a worker that was killed.
    wrong = [line for line in wrong if "exited on signal 9" not in line]
    assert wrong == [], wrong


def finish(daemon):
    check_log(daemon)
    pid, workers = daemon.pid(), daemon.workers()
    daemon.stop()
    wait_until(lambda: not any(os.path.exists("/proc/%d" % one) for one in [pid, *workers]), "all have ended")


def change_under_load(lab, seconds, times, change):
    """No request of wrk's may fail while that is done to nginx."""
    daemon, digest = start(lab)
    with Wrk(lab, seconds):
        for _ in range(times):
            change(daemon)
    fetch(lab, digest)
    finish(daemon)


def test_reloads_fail_no_request(lab):
    change_under_load(lab, 15, 4, lambda daemon: daemon.reload())


def test_a_worker_that_leaves_is_followed_by_another_and_fails_no_request(lab):
    def send_one_away(daemon):
        leaves = daemon.workers()[0]
        os.kill(leaves, signal.SIGQUIT)
        daemon.wait_for_workers(without=[leaves])
    change_under_load(lab, 15, 4, send_one_away)


def test_a_binary_upgrade_fails_no_request(lab):
    change_under_load(lab, 20, 2, lambda daemon: daemon.upgrade())


def test_workers_killed_while_idle_are_followed_by_others(lab):
    """Killed with a request in hand a worker takes it along, on any kernel; so these are killed between requests."""
    daemon, digest = start(lab)
    for i in range(12):
        fetch(lab, digest)
        dies = daemon.workers()[i % WORKERS]
        os.kill(dies, signal.SIGKILL)
        daemon.wait_for_workers(without=[dies])
    fetch(lab, digest)
    finish(daemon)


# Half a request on each connection; the other half when it is told to. Prints how many were answered, and how many ended.
HALF_REQUESTS = """
import socket, sys
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
links = [socket.create_connection((address, port), 30) for _ in range(count)]
for link in links:
    link.sendall(b"GET /file HTTP/1.1\\r\\n")
print("asked", flush=True)
sys.stdin.readline()
answered = ended = 0
for link in links:
    try:
        link.sendall(b"Host: a\\r\\n\\r\\n")
        answer = b""
        while piece := link.recv(65536):
            answer += piece
        assert not answer or answer.startswith(b"HTTP/1.1 200") and len(answer) > 20000, answer[:100]
        answered += bool(answer)
        ended += not answer
    except OSError:
        ended += 1
print(answered, ended, flush=True)
"""


def test_connections_of_other_workers_outlive_a_killed_one(lab):
    daemon, digest = start(lab, reuseport=True)  # spreads them evenly
    count = 80
    client = lab.start("b", python(HALF_REQUESTS, ADDRESS["a"], PORT, count), stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE)
    assert client.stdout.readline().strip() == "asked"
    time.sleep(0.5)  # the workers wait for the other half
    dies = daemon.workers()[0]
    os.kill(dies, signal.SIGKILL)
    daemon.wait_for_workers(without=[dies])
    client.stdin.write("\n")
    client.stdin.flush()
    answered, ended = map(int, client.stdout.readline().split())
    print("%d connections of others answered, %d ended with their worker" % (answered, ended))
    assert answered + ended == count and 0 < ended < count / 2
    fetch(lab, digest)
    finish(daemon)


main(check_unseen)
