# SPDX-License-Identifier: GPL-2.0
"""The two lab hosts, as the benchmarks use them: an instance of its own, commands as an unprivileged user."""
import os
import signal
import subprocess
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ALPINE_BUILD", REPO / "build"))
ADDRESS_A, ADDRESS_B = "10.77.0.1", "10.77.0.2"
ADDRESS_A6, ADDRESS_B6 = "fd77::1", "fd77::2"
COMMAND_TIMEOUT_S = 120


class BenchError(Exception):
    """A command of a measurement failed: one line that says which and why."""


class Lab:
    """Brings the lab up on entry and takes it down on exit, with every server started in between."""

    def __init__(self, instance):
        self._environment = dict(os.environ, ALPINE_LAB=instance)
        self._servers = []

    def __enter__(self):
        self._lab("up")
        return self

    def __exit__(self, *_):
        for server in list(self._servers):
            self.stop(server)
        self._lab("down")

    def run(self, host, argv):
        """Runs a command to its end. Returns (standard output, standard error)."""
        # A session of its own, so that on a timeout the command goes together with what it started.
        process = subprocess.Popen(self._on(host, argv), env=self._environment, text=True, start_new_session=True,
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
        """Starts a server and waits until it can be reached: it says "ready", or its port listens on the host."""
        server = subprocess.Popen(self._on(host, argv), env=self._environment, text=True, start_new_session=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._servers.append(server)
        if says_ready and server.stdout.readline() != "ready\n":
            raise BenchError(f"{' '.join(argv)}: did not start")
        if port is not None:
            self._wait_for_listener(host, port, argv)
        return server

    def stop(self, server):
        self._servers.remove(server)
        server.terminate()
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()

    def namespace(self, host):
        """Name of the host's network namespace."""
        return f"alpine-{self._environment['ALPINE_LAB']}-{host}"

    def daemon(self, verb, host):
        """Starts or stops alpined there."""
        self._lab("daemon", verb, host)

    def _wait_for_listener(self, host, port, argv):
        for _ in range(100):
            if self.run(host, ["ss", "-Hltn", f"sport = :{port}"])[0]:
                return
            time.sleep(0.05)
        raise BenchError(f"{' '.join(argv)}: nothing listens on port {port}")

    def _on(self, host, argv):
        return [str(REPO / "lab/lab.sh"), "run", host, "--user", "--", *argv]

    def _lab(self, *words):
        done = subprocess.run([str(REPO / "lab/lab.sh"), *words], env=self._environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"lab {' '.join(words)}: {done.stderr.strip()}")
