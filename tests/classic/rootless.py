# SPDX-License-Identifier: GPL-2.0
"""The whole lab as an unprivileged user: ./dev lab up --rootless, run, down, without sudo."""
import os
import shutil
import subprocess

from lab import ADDRESS, ADDRESS6, LAB, REPO, Lab, alp, wait_until
from payload import make_file, sha256_of
from programs import BIND, python
from runner import main, skip

USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--"]
PORT = 8080


class RootlessLab(Lab):
    """A Lab whose every command is the unprivileged user's."""

    def __init__(self):
        super().__init__()
        self.up_options = ["--rootless"]
        self.environment.pop("XDG_RUNTIME_DIR", None)
        self.environment["HOME"] = "/tmp"

    def _lab(self, *words, check=True):
        done = subprocess.run([*USER, LAB, *words], env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError("lab %s: %s" % (" ".join(words), done.stderr))
        return done

    def command(self, host, command, user=True):
        return [*USER, *super().command(host, command, user)]


def readable_by_user():
    return subprocess.run([*USER, "test", "-x", os.path.join(REPO, "dev")], check=False).returncode == 0


def rootless_lab():
    if not readable_by_user():
        skip("the unprivileged user cannot read " + REPO)
    if subprocess.run([*USER, "unshare", "--user", "true"], check=False, capture_output=True).returncode != 0:
        skip("this machine lets no unprivileged user make namespaces")
    return RootlessLab()


def processes_of(lab):
    """What was started in this lab or for it, by what it has in its environment."""
    mark = b"ALPINE_LAB=" + lab.environment["ALPINE_LAB"].encode()
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid() and has_mark(pid, mark)]


def has_mark(pid, mark):
    try:
        with open("/proc/%s/environ" % pid, "rb") as environ:
            return mark in environ.read().split(b"\0")
    except OSError:  # gone, or nobody's to read
        return False


def test_curl_fetches_50_mib_by_ipv4_and_ipv6():
    with rootless_lab() as lab:
        expected = make_file(lab, "file", 50 << 20)
        lab.start_listener("b", ["/usr/bin/python3", "-m", "http.server", str(PORT), "--bind", "::", "--directory",
                                 lab.tmp], PORT)
        for address in (ADDRESS["b"], "[%s]" % ADDRESS6["b"]):
            out = lab.path("fetched")
            lab.run("a", alp("curl", "-gsS", "--fail", "-o", out, "http://%s:%d/file" % (address, PORT)), timeout=90)
            assert sha256_of(out) == expected
            assert os.stat(out).st_uid == 65534
            os.remove(out)


def test_server_under_alpine_answers_the_other_host():
    with rootless_lab() as lab:
        expected = make_file(lab, "file", 5 << 20)
        lab.start_listener("a", alp("/usr/bin/python3", "-m", "http.server", str(PORT), "--bind", "::", "--directory",
                                    lab.tmp), PORT)
        out = lab.path("fetched")
        lab.run("b", ["curl", "-gsS", "--fail", "-o", out, "http://[%s]:%d/file" % (ADDRESS6["a"], PORT)])
        assert sha256_of(out) == expected
        assert lab.run("a", python(BIND, PORT), check=False).stdout.strip() == "EADDRINUSE"


def test_up_and_down_leave_nothing():
    with rootless_lab() as lab:
        folder = "/tmp/alpine-lab-user-65534-" + lab.environment["ALPINE_LAB"]
        assert os.path.exists(folder)
        lab.start("a", ["sleep", "60"])
        lab.run("a", ["true"])
        wait_until(lambda: len(processes_of(lab)) >= 3, "alpined, the holder and the command are there")
        lab._lab("down")
        assert not os.path.exists(folder)
        wait_until(lambda: processes_of(lab) == [], "no process is left")
        lab._lab("down")
        lab._lab("up", "--rootless")


def test_commands_before_up_say_what_to_do():
    lab = rootless_lab()
    done = lab._lab("run", "a", "--", "true", check=False)
    assert done.returncode == 1 and "up --rootless" in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_folder_that_somebody_else_put_there_is_not_believed():
    lab = rootless_lab()
    folder = "/tmp/alpine-lab-user-65534-" + lab.environment["ALPINE_LAB"]
    os.mkdir(folder)
    try:
        with open(os.path.join(folder, "holder"), "w") as file:
            file.write("1 1\n")
        done = lab._lab("up", "--rootless", check=False)
        assert done.returncode == 1 and folder in done.stderr, done.stderr
    finally:
        shutil.rmtree(folder)


main()
