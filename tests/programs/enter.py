# SPDX-License-Identifier: GPL-2.0
"""`alp enter PID -- CMD`: unmodified tools as one more process on the stack of a running nginx."""
import re
import signal
import subprocess
import time

from lab import ADDRESS, ON_HOST, wait_until
from nginx import NginxDaemon
from payload import make_file, sha256_of
from programs import BIND, ECHO_CLIENTS, ECHO_SERVER, python
from refusals import check_refusal
from runner import main, skip
from unseen import check_unseen

PORT = 8080
SIZE = 50_000
URL = "http://%s:%d/file" % (ADDRESS["a"], PORT)
OTHER_USER = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "--"]
# COUNT connections that are held until standard input ends.
HOLDER = """
import socket, sys
links = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(int(sys.argv[3]))]
print(*[link.getsockname()[1] for link in links], flush=True)
sys.stdin.read()
"""


class Entered:
    """An nginx with two workers, and what runs on its stack."""

    def __init__(self, lab):
        if ON_HOST:
            skip("there is no stack to enter without Alpine")
        self.lab = lab
        self.digest = make_file(lab, "file", SIZE)
        self.daemon = NginxDaemon(lab, lab.tmp, PORT, 2)

    def command(self, *words, pid=None):
        return ["alp", "enter", str(pid or self.daemon.pid()), "--", *words]

    def run(self, *words, **options):
        return self.lab.run("a", self.command(*words), **options).stdout

    def fetch(self):
        """Seconds it took."""
        began = time.monotonic()
        self.lab.run("b", ["curl", "-sS", "--fail", "-o", self.lab.path("got"), URL])
        assert sha256_of(self.lab.path("got")) == self.digest
        return time.monotonic() - began

    def hold(self, count):
        """Connections from b, and their ports there."""
        holder = self.lab.start("b", python(HOLDER, ADDRESS["a"], PORT, count), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        return holder, [int(word) for word in holder.stdout.readline().split()]


def test_ss_shows_the_listener_and_its_connections(lab):
    nginx = Entered(lab)
    listening = nginx.run("ss", "-Hltn")
    assert re.search(r"0\.0\.0\.0:%d\b" % PORT, listening) and len(listening.splitlines()) == 2, listening
    holder, ports = nginx.hold(5)
    shown = nginx.run("ss", "-Htn", "state", "established", "sport = :%d" % PORT)
    peers = sorted(int(line.split()[-1].rsplit(":", 1)[1]) for line in shown.splitlines())
    assert peers == sorted(ports), shown
    details = nginx.run("ss", "-Htin", "state", "established")
    assert details.count("cubic") + details.count("bbr") + details.count("reno") >= 5, details
    # The same from a worker's number, and as root.
    assert nginx.run("ss", "-Hltn", "( sport = :%d )" % PORT) == listening
    worker = nginx.daemon.workers()[0]
    assert lab.run("a", nginx.command("ss", "-Hltn", pid=worker)).stdout == listening
    assert lab.run("a", nginx.command("ss", "-Hltn"), user=False).stdout == listening
    # A socket is closed for good: with ss -K, the peer learns of it.
    nginx.run("ss", "-K", "dport = :%d" % ports[0])
    left = nginx.run("ss", "-Htn", "state", "established", "sport = :%d" % PORT)
    assert len(left.splitlines()) == 4, left
    holder.stdin.close()
    nginx.fetch()
    nginx.daemon.stop()


def test_ip_shows_the_stacks_devices_addresses_and_routes(lab):
    nginx = Entered(lab)
    devices = nginx.run("ip", "-br", "link")
    assert re.search(r"^alp0\b", devices, re.M) and "eth0" not in devices, devices
    assert ADDRESS["a"] in nginx.run("ip", "-br", "addr", "show", "dev", "alp0")
    assert "10.77.0.0/24" in nginx.run("ip", "route")
    assert "dev alp0" in nginx.run("ip", "route", "get", ADDRESS["b"])
    nginx.fetch()
    nginx.daemon.stop()


def test_tc_delays_what_nginx_sends(lab):
    nginx = Entered(lab)
    undisturbed = min(nginx.fetch() for _ in range(3))
    nginx.run("tc", "qdisc", "replace", "dev", "alp0", "root", "netem", "delay", "300ms")
    assert "netem" in nginx.run("tc", "qdisc", "show", "dev", "alp0")
    assert nginx.fetch() > undisturbed + 0.5  # the handshake, the answer
    sent = nginx.run("tc", "-s", "qdisc", "show", "dev", "alp0")
    assert int(re.search(r"Sent (\d+) bytes", sent)[1]) > SIZE, sent
    nginx.run("tc", "qdisc", "replace", "dev", "alp0", "root", "fq")
    assert nginx.fetch() < undisturbed + 0.5
    nginx.daemon.stop()


def counter(shown, name):
    return int(re.search(r"^%s\s+(\d+)" % name, shown, re.M)[1])


def test_nstat_counts_what_nginx_accepts(lab):
    nginx = Entered(lab)
    before = nginx.run("nstat", "-asz")
    for _ in range(7):
        nginx.fetch()
    after = nginx.run("nstat", "-asz")
    assert counter(after, "TcpPassiveOpens") - counter(before, "TcpPassiveOpens") == 7
    nginx.daemon.stop()


def test_tcpdump_shows_the_packets_of_a_request(lab):
    nginx = Entered(lab)
    capture = lab.start("a", nginx.command("tcpdump", "-nn", "-l", "-A", "-i", "alp0", "tcp port %d" % PORT),
                        stdout=subprocess.PIPE)
    wait_until(lambda: "listening on alp0" in open(capture.log).read(), "tcpdump listens", timeout=20)
    nginx.fetch()
    time.sleep(1)
    capture.send_signal(signal.SIGINT)
    shown = capture.communicate(timeout=20)[0]
    assert capture.returncode == 0, open(capture.log).read()
    assert "GET /file HTTP/1.1" in shown and "HTTP/1.1 200 OK" in shown, shown[:2000]
    assert re.search(r"IP %s\.\d+ > %s\.%d: Flags \[S\]" % (ADDRESS["b"], ADDRESS["a"], PORT), shown), shown[:2000]
    assert re.search(r"IP %s\.%d > %s\.\d+: Flags \[S\.\]" % (ADDRESS["a"], PORT, ADDRESS["b"]), shown), shown[:2000]
    nginx.fetch()
    nginx.daemon.stop()


def test_gdb_runs_a_program_on_the_stack(lab):
    nginx = Entered(lab)
    shown = nginx.run("gdb", "-q", "-batch", "-nx", "-ex", "run", "--args", "ss", "-Hltn", timeout=110)
    assert re.search(r"0\.0\.0\.0:%d\b" % PORT, shown) and "exited normally" in shown, shown
    nginx.fetch()
    nginx.daemon.stop()


def test_a_server_beside_nginx_has_the_same_ports_and_outlives_it(lab):
    nginx = Entered(lab)
    taken = lab.run("a", nginx.command(*python(BIND, PORT)), check=False)
    assert taken.stdout.strip() == "EADDRINUSE", taken
    echo = lab.start_listener("a", nginx.command(*python(ECHO_SERVER, PORT + 1)), PORT + 1)
    lab.run("b", python(ECHO_CLIENTS, ADDRESS["a"], PORT + 1, 20, 5))
    assert len(lab.tuns()) == 1
    nginx.daemon.stop()
    lab.run("b", python(ECHO_CLIENTS, ADDRESS["a"], PORT + 1, 20, 5))
    assert not lab.answers("b", ADDRESS["a"], PORT)
    listening = lab.run("a", nginx.command("ss", "-Hltn", pid=echo.pid)).stdout
    assert ":%d " % (PORT + 1) in listening and ":%d " % PORT not in listening, listening
    lab.stop(echo)
    wait_until(lambda: lab.tuns() == [], "the stack has ended with its last process")


def test_it_answers_with_the_programs_own_exit_code(lab):
    nginx = Entered(lab)
    assert lab.run("a", nginx.command("sh", "-c", "exit 7"), check=False).returncode == 7
    assert lab.run("a", nginx.command("/no/such/program"), check=False).returncode == 127
    nginx.daemon.stop()


def test_refusals(lab):
    nginx = Entered(lab)
    pid = nginx.daemon.pid()
    stackless = lab.start("a", ["sleep", "60"])
    pids = (["1"], "1"), (["999999"], "999999"), (["none"], "none"), ([str(stackless.pid)], "no stack")
    for words, said in pids:
        check_refusal(lab.run("a", ["alp", "enter", *words, "--", "true"], check=False), 125, said)
    other = lab.run("a", [*OTHER_USER, "alp", "enter", str(pid), "--", "true"], user=False, check=False)
    check_refusal(other, 125, str(pid))
    for words in ([], [str(pid)], [str(pid), "--"]):
        assert lab.run("a", ["alp", "enter", *words], check=False).returncode in (2, 125), words
    nginx.fetch()
    nginx.daemon.stop()


main(check_unseen)
