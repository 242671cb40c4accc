# SPDX-License-Identifier: GPL-2.0
"""A lab of its own for one test: two hosts in network namespaces, and what a test does on them.

Everything a test starts on a host goes through a Lab, which ends it (by pid) and takes the hosts down again, however
the test goes. At the end of a test that passed, Lab also asks the questions every test has in common: does alpined
still run, and is there a TUN device or a stack left that nobody owns?
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAB = os.path.join(REPO, "lab", "lab.sh")
BUILD = os.environ.get("ALPINE_BUILD", os.path.join(REPO, "build"))
UNPRIVILEGED = 65534
# Set, all runs on the hosts' kernels: to see whether a test that fails under Alpine is at fault itself.
ON_HOST = bool(os.environ.get("ALPINE_TEST_ON_HOST"))

ADDRESS = {"a": "10.77.0.1", "b": "10.77.0.2"}
ADDRESS6 = {"a": "fd77::1", "b": "fd77::2"}


class Lab:
    def __init__(self, both=False, daemon=True):
        daemon = daemon and not ON_HOST
        self.up_options = ["--both"] if both else [] if daemon else ["--no-daemon"]
        self.has_daemon = daemon
        self.processes = []
        self.looks_from = {"a": 0, "b": 0}  # how often answers() opened a connection from there
        # The tests' user is nobody, whoever called sudo: what is tested must not depend on who tests.
        self.environment = {k: v for k, v in os.environ.items() if k not in ("SUDO_UID", "SUDO_GID")}
        self.environment["ALPINE_LAB"] = "test%d" % os.getpid()
        self.environment["ALPINE_BUILD"] = BUILD

    def __enter__(self):
        self.tmp = tempfile.mkdtemp(prefix="alpine-test-")
        os.chmod(self.tmp, 0o777)
        self._lab("up", *self.up_options)
        return self

    def __exit__(self, kind, value, trace):
        signal.alarm(0)  # the test's time is over in either case; taking down must not be cut short
        try:
            self.end_processes()
            if kind is None and self.has_daemon:
                self.check_nothing_left()
        except BaseException:
            kind = kind or AssertionError
            raise
        finally:
            if kind is not None and self.has_daemon:
                print("--- alpined's log:", self._lab("daemon", "log", "a", check=False).stdout[-3000:], sep="\n")
            self._lab("down")
            shutil.rmtree(self.tmp, ignore_errors=True)

    def _lab(self, *words, check=True):
        done = subprocess.run([LAB, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError("lab %s: %s" % (" ".join(words), done.stderr))
        return done

    def daemon(self, verb, host="a", *options):
        return self._lab("daemon", verb, host, *options).stdout.strip()

    def command(self, host, command, user=True):
        return [LAB, "run", host, *(["--user"] if user else []), "--", *command]

    def run(self, host, command, user=True, check=True, timeout=60, env=None, **options):
        """Runs a command there to its end. Returns the CompletedProcess, its output as text."""
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(self.command(host, command, user), env={**self.environment, **(env or {})},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout, **options)
        if check and done.returncode != 0:
            raise AssertionError("%s on %s: exit %d\n%s%s" % (" ".join(command), host, done.returncode,
                                                              done.stdout[-4000:], done.stderr[-4000:]))
        return done

    def start(self, host, command, user=True, env=None, **options):
        """Starts a command there and leaves it running; it is ended with the lab. Returns the Popen, whose pid is the
        command's own. Output goes to files in tmp unless the caller takes it."""
        log = open(os.path.join(self.tmp, "log%d" % len(self.processes)), "w+")
        options.setdefault("stdin", subprocess.DEVNULL)
        options = {"stdout": log, "stderr": log, "text": True, **options}
        process = subprocess.Popen(self.command(host, command, user), env={**self.environment, **(env or {})},
                                   **options)
        process.log = log.name
        self.processes.append(process)
        return process

    def start_listener(self, host, command, port, network="tcp", **options):
        """start(), and waits until something answers on that port of `host` (asked from the other host)."""
        process = self.start(host, command, **options)
        other = "b" if host == "a" else "a"
        if network == "tcp":
            wait_until(lambda: process.poll() is not None or self.answers(other, ADDRESS[host], port),
                       "%s listens on port %d" % (command[0], port), timeout=30)
        if process.poll() is not None:
            raise AssertionError("%s ended: %s" % (" ".join(command), open(process.log).read()[-3000:]))
        return process

    def answers(self, host, address, port):
        self.looks_from[host] += 1
        connect = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()"
        return self.run(host, ["/usr/bin/python3", "-c", connect, address, str(port)], check=False).returncode == 0

    def path(self, name):
        return os.path.join(self.tmp, name)

    def write(self, name, text, mode=0o755):
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def tuns(self, host="a"):
        """The names of alpined's TUN devices there."""
        shown = self.run(host, ["ip", "-o", "link", "show", "type", "tun"], user=False).stdout
        return [line.split(": ")[1] for line in shown.splitlines()]

    def stop(self, process, how=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        return process.returncode

    def end_processes(self):
        for process in self.processes:
            self.stop(process)

    def end_daemon(self, pid_file, how=signal.SIGTERM):
        """Ends a program that has put itself into the background, by the file it keeps its number in."""
        with open(pid_file) as file:
            pid = int(file.read())
        os.kill(pid, how)
        wait_until(lambda: not os.path.exists("/proc/%d" % pid), "process %d has ended" % pid, timeout=20)

    def end_orphans(self, daemon):
        """Processes of host a that a program under test had started and, being ended itself, has left."""
        def namespace(pid):
            try:
                return os.readlink("/proc/%s/ns/net" % pid)
            except OSError:
                return None
        home = namespace(daemon)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if home and int(pid) != int(daemon) and namespace(pid) == home:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def check_nothing_left(self):
        self.end_orphans(self.daemon("pid"))
        wait_until(lambda: self.tuns() == [], "no TUN device is left", timeout=10)
        shown = self.run("a", ["alp", "ps"], user=False).stdout.splitlines()
        if len(shown) > 1:
            raise AssertionError("a stack is left that nobody runs:\n" + "\n".join(shown))


class SharedLab(Lab):
    """A lab that many tests use one after the other: up already, and left up (see tests/lib/shared_lab.py)."""

    def __init__(self, instance):
        super().__init__()
        self.environment["ALPINE_LAB"] = instance

    def _lab(self, *words, check=True):
        return subprocess.CompletedProcess(words, 0, "", "") if words[0] in ("up", "down") else \
            super()._lab(*words, check=check)

    def check_nothing_left(self):
        """As a Lab does it, by one command: alp ps fails when alpined is gone."""
        def left():
            return self.run("a", ["sh", "-c", "alp ps && ip -o link show type tun"], user=False).stdout.splitlines()[1:]
        wait_until(lambda: left() == [], "no stack and no TUN device is left", timeout=10)


def alp(*command, options=()):
    """On the wire that ALPINE_TEST_WIRE names, if it does."""
    wire = os.environ.get("ALPINE_TEST_WIRE")
    return list(command) if ON_HOST else ["alp", "run", *(["--wire", wire] if wire else []), *options, "--", *command]


def on(host, *command):
    """The command as a test with a client and a server runs it there: on a under Alpine, on b as it is."""
    return alp(*command) if host == "a" else list(command)


def wait_until(true, what, timeout=10.0):
    end = time.monotonic() + timeout
    while not true():
        if time.monotonic() > end:
            raise AssertionError("not so after %g s: %s" % (timeout, what))
        time.sleep(0.05)
