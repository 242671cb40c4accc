# SPDX-License-Identifier: GPL-2.0
"""The two lab hosts, as the benchmarks use them: an instance of its own, commands as an unprivileged user."""
import os
import resource
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ALPINE_BUILD", REPO / "build"))
ADDRESS_A, ADDRESS_B = "10.77.0.1", "10.77.0.2"
ADDRESS_A6, ADDRESS_B6 = "fd77::1", "fd77::2"
COMMAND_TIMEOUT_S = 120


MANY_DESCRIPTORS = 1 << 18


class BenchError(Exception):
    """A command of a measurement failed: one line that says which and why."""


def _allow_descriptors():
    """What runs in the lab may ask for many, where the machine lets root allow that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, MANY_DESCRIPTORS)))
    except ValueError:  # what needs them says so
        pass


class Lab:
    """Brings the lab up on entry and takes it down on exit, with every server started in between."""

    def __init__(self, instance):
        self._environment = dict(os.environ, ALPINE_LAB=instance)
        self._servers = {}  # each with its command and a file of what it says on standard error

    def __enter__(self):
        _allow_descriptors()
        self._lab("up")
        return self

    def __exit__(self, *_):
        for server in list(self._servers):
            self.stop(server)
        self._lab("down")

    def run(self, host, argv, *, user=True):
        """Runs a command to its end, as root where `user` is False. Returns (standard output, standard error)."""
        # A session of its own, so that on a timeout the command goes together with what it started.
        process = subprocess.Popen(self._on(host, argv, user), env=self._environment, text=True, start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=COMMAND_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise BenchError(f"{' '.join(argv)}: no end after {COMMAND_TIMEOUT_S} s") from None
        if process.returncode != 0:
            reason = (err.strip() or out.strip() or "no message").splitlines()[-1]
            raise BenchError(f"{' '.join(argv)}: exit {process.returncode}: {reason}")
        return out, err

    def serve(self, host, argv, *, says_ready=False, port=None):
        """Starts a server and waits until it can be reached: it says "ready", or its port listens on the host. The
        server's process is the program itself: what leads to it are calls of exec."""
        errors = tempfile.TemporaryFile("w+")
        server = subprocess.Popen(self._on(host, argv), env=self._environment, text=True, start_new_session=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        self._servers[server] = (argv, errors)
        if says_ready and self.line_from(server) != "ready\n":
            raise BenchError(f"{' '.join(argv)}: did not start")
        if port is not None:
            self._wait_for_listener(host, port, server)
        return server

    def line_from(self, server):
        """The next line of its standard output."""
        if not select.select([server.stdout], [], [], COMMAND_TIMEOUT_S)[0]:
            raise BenchError(f"{' '.join(self._servers[server][0])}: says nothing for {COMMAND_TIMEOUT_S} s")
        line = server.stdout.readline()
        if not line:
            raise BenchError(self._why_it_ended(server))
        return line

    def stop(self, server):
        _, errors = self._servers.pop(server)
        server.terminate()
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()
        errors.close()

    def namespace(self, host):
        """Name of the host's network namespace."""
        return f"alpine-{self._environment['ALPINE_LAB']}-{host}"

    def daemon(self, verb, host):
        """Starts or stops alpined there."""
        self._lab("daemon", verb, host)

    def _why_it_ended(self, server):
        argv, errors = self._servers[server]
        errors.seek(0)
        said = errors.read().strip().splitlines()
        return f"{' '.join(argv)}: ended, exit {server.wait(timeout=5)}: {said[-1] if said else 'no message'}"

    def _wait_for_listener(self, host, port, server):
        for _ in range(100):
            if server.poll() is not None:
                raise BenchError(self._why_it_ended(server))
            if self.run(host, ["ss", "-Hltn", f"sport = :{port}"])[0]:
                return
            time.sleep(0.05)
        raise BenchError(f"{' '.join(self._servers[server][0])}: nothing listens on port {port}")

    def _on(self, host, argv, user=True):
        return [str(REPO / "lab/lab.sh"), "run", host, *(["--user"] if user else []), "--", *argv]

    def _lab(self, *words):
        done = subprocess.run([str(REPO / "lab/lab.sh"), *words], env=self._environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"lab {' '.join(words)}: {done.stderr.strip()}")
