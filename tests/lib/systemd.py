# SPDX-License-Identifier: GPL-2.0
"""A real systemd as process 1 on lab host a, with Alpine installed as its user would do it.

It lives in namespaces of its own (PID, mount, control group, UTS, IPC) and in the host's network namespace. Its root is the
machine's, read-only, without the machine's units (see systemd_boot.sh). When its process 1 is killed all that it has
started is gone; that happens when the `with` ends, and by the kernel when the test itself is killed.
"""
import os
import pty
import subprocess
import threading

from installed import install
from lab import BUILD, UNPRIVILEGED, wait_until
from processes import children_of
from runner import skip

SYSTEMD = "/lib/systemd/systemd"
PREFIX = "/opt/alpine"
NAMESPACES = ["--mount", "--pid", "--uts", "--ipc", "--cgroup"]
ENVIRONMENT = ["env", "PATH=%s/bin:/usr/sbin:/usr/bin:/sbin:/bin" % PREFIX]
AS_USER = ["setpriv", "--reuid=%d" % UNPRIVILEGED, "--regid=%d" % UNPRIVILEGED, "--clear-groups"]
MOUNT_GROUPS = "mount -t cgroup2 cgroup2 /sys/fs/cgroup && cd /sys/fs/cgroup"
# What every unit waits for, without what a whole system does there.
TARGETS = ["basic", "multi-user", "network-pre", "shutdown", "sockets", "sysinit", "umount"]
LOG = "[Service]\nStandardOutput=append:%s\nStandardError=inherit\n"


def skip_unless_it_can_boot():
    if not os.access(SYSTEMD, os.X_OK):
        skip("no %s: the package systemd is not installed" % SYSTEMD)
    tried = in_own_mounts(MOUNT_GROUPS + " && mkdir $0 && rmdir $0 && mount -t proc proc /proc",
                          "--pid", "--fork", "--uts", "--ipc", "--cgroup")
    if tried.returncode != 0:
        skip("no systemd can be booted in namespaces here: " + tried.stderr.strip())


def in_own_mounts(script, *namespaces):
    """`$0` is the control group."""
    return subprocess.run(["unshare", "--mount", *namespaces, "sh", "-c", script, group()], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20)


def group():
    return "alpine-test%d" % os.getpid()


def remove_groups():
    """That of this test, and those of tests that were killed."""
    in_own_mounts(MOUNT_GROUPS + """
        remove() { find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; ! [ -e "$1" ]; }
        for group in alpine-test*; do
            [ -e /proc/"${group#alpine-test}" ] || remove "$group"
        done
        for try in 1 2 3 4 5 6 7 8 9 10; do
            remove "$0" && break
            sleep 0.1
        done""")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


class Systemd:
    def __init__(self, lab):
        self.lab = lab
        self.folder = lab.path("machine")
        self.log_path = lab.path("alpined.log")
        self.said = []

    def __enter__(self):
        skip_unless_it_can_boot()
        install(PREFIX, os.path.join(self.folder, "root"))
        for target in TARGETS:
            write("%s/units/%s.target" % (self.folder, target), "[Unit]\nDefaultDependencies=no\n")
        write(self.folder + "/system/alpined.service.d/log.conf", LOG % self.log_path)  # there is no journal
        os.mkdir(self.folder + "/default")
        try:
            self.boot()
        except BaseException:
            self.__exit__(AssertionError, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print("--- systemd:", "".join(self.said)[-3000:], "--- alpined:", self.log()[-3000:], sep="\n")
        self.end()

    def boot(self):
        master, slave = pty.openpty()
        threading.Thread(target=self.read_console, args=(master,), daemon=True).start()
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "systemd_boot.sh")
        command = ["sh", script, self.lab.tmp, os.ttyname(slave), group(), BUILD, PREFIX]
        # The test killed, so is unshare, and with it process 1.
        self.holder = self.lab.start("a", ["setpriv", "--pdeathsig", "KILL", "unshare", "--kill-child", "--fork", "--pid",
                                           "--mount", "--uts", "--ipc", *command], user=False)
        wait_until(lambda: self.holder.poll() is not None or self.init() is not None, "systemd is process 1")
        self.pid = self.init()
        assert self.pid, open(self.holder.log).read()
        wait_until(self.is_running, "it has booted")
        os.close(slave)

    def is_running(self):
        return self.systemctl("is-system-running", check=False).stdout.strip() == "running"

    def read_console(self, master):
        try:
            while data := os.read(master, 65536):
                self.said.append(data.decode(errors="replace"))
        except OSError:
            pass  # nobody holds the other end any more

    def init(self):
        """systemd's number as the test sees it."""
        for pid in children_of(self.holder.pid):
            with open("/proc/%d/comm" % pid) as file:
                if file.read().strip() == "systemd":
                    return pid
        return None

    def end(self):
        if getattr(self, "holder", None):
            for pid in children_of(self.holder.pid) if self.holder.poll() is None else []:
                os.kill(pid, 9)  # process 1 of its namespace: the others go with it
            self.holder.wait(10)
        remove_groups()

    def command(self, command, user=False):
        return ["nsenter", "--target", str(self.pid), *NAMESPACES, *(AS_USER if user else []), *ENVIRONMENT, *command]

    def run(self, command, user=False, **options):
        """A command to its end, in there: root's, or nobody's."""
        return self.lab.run("a", self.command(command, user), user=False, **options)

    def start(self, command, user=True, **options):
        return self.lab.start("a", self.command(command, user), user=False, **options)

    def systemctl(self, *words, **options):
        return self.run(["systemctl", *words], **options)

    def property(self, unit, name):
        return self.systemctl("show", "--value", "--property", name, unit).stdout.strip()

    def daemon(self):
        """alpined's number as the test sees it; None: systemd runs none."""
        inside = int(self.property("alpined.service", "MainPID"))
        for pid in filter(None, map(int_or_none, os.listdir("/proc") if inside else [])):
            if self.numbers(pid)[-1:] == [inside] and os.readlink("/proc/%d/ns/pid" % pid) == self.pid_namespace():
                return pid
        return None

    def pid_namespace(self):
        return os.readlink("/proc/%d/ns/pid" % self.pid)

    @staticmethod
    def numbers(pid):
        """Of one process, in each PID namespace that sees it."""
        try:
            with open("/proc/%d/status" % pid) as file:
                return [list(map(int, line.split()[1:])) for line in file if line.startswith("NSpid:")][0]
        except OSError:
            return []

    def installed(self, path):
        """As the test sees it."""
        return os.path.join(self.folder + "/root" + PREFIX, path)

    def log(self):
        return open(self.log_path).read() if os.path.exists(self.log_path) else ""


def int_or_none(text):
    return int(text) if text.isdigit() else None
