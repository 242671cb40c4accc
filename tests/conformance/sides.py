# SPDX-License-Identifier: GPL-2.0
"""The two sides of a comparison: the same command on the host's kernel and on Alpine.

Both run at once, on hosts that are alike but for Alpine's daemon. Where the programs expect to be root in a network
namespace of their own, as their wrappers in the kernel tree make it, the host's side gets that as an unprivileged user
(a user namespace), or as root where a user namespace is not enough. Under Alpine programs run as an unprivileged
user (but for those that become other users): in its own stack everybody is root.
"""
import os
import re
import subprocess
import sys
from dataclasses import dataclass

from lab import BUILD, alp

HERE = os.path.dirname(os.path.abspath(__file__))
OUTPUT = os.path.join(BUILD, "conformance")
OWN_NAMESPACES = ["unshare", "--user", "--map-root-user", "--net", "--"]
KEPT_BYTES = 2_000_000  # of a program's output; one that loops over a failing check writes gigabytes
VERDICTS = (b"ok ", b"not ok ", b"#  RUN ")

HOST, ALPINE = "host", "alpine"
SIDES = (HOST, ALPINE)


@dataclass
class Ended:
    code: int
    output: str

    @property
    def time_over(self):
        return self.code == 124


def reachable(lab, host):
    """The build folder as the tests' user sees it there (lab/run.sh may show it elsewhere)."""
    return lab.run(host, ["sh", "-c", 'dirname "$(dirname "$(command -v alp)")"']).stdout.strip()


def in_namespace(command, setup, as_root):
    """`command` as root of a fresh network namespace whose loopback is up, after the shell lines `setup`."""
    lines = ["ip link set lo up", *setup]
    own = ["unshare", "--net", "--"] if as_root else OWN_NAMESPACES
    return [*own, "sh", "-c", " && ".join(lines) + ' && exec "$@"', "sh", *command]


def host_command(lab, command, privilege="user", setup=(), host="a"):
    """privilege: user, or netns (root of a network namespace of its own), or root (the same, and really root)."""
    if privilege == "user":
        return lab.command(host, command)
    return lab.command(host, in_namespace(command, setup, privilege == "root"), user=privilege != "root")


def alpine_command(lab, command, options=(), host="a", as_root=False):
    return lab.command(host, alp(*command, options=options), user=not as_root)


def start(lab, command, seconds, stdout=subprocess.PIPE):
    """Starts a command of this module under its time limit; both its streams go to `stdout`."""
    environment = {k: v for k, v in lab.environment.items() if not k.startswith("PYTHON")}
    return subprocess.Popen([sys.executable, os.path.join(HERE, "supervise.py"), str(seconds), *command],
                            env={**environment, "LC_ALL": "C.UTF-8"}, stdin=subprocess.DEVNULL, stdout=stdout,
                            stderr=subprocess.STDOUT)


def finish(process):
    """Waits for its end. A verdict on a case is kept however much is said between two of them."""
    kept, size = [], 0
    for line in process.stdout:
        if size < KEPT_BYTES or line.startswith(VERDICTS):
            kept.append(line)
            size += len(line)
    return Ended(process.wait(), b"".join(kept).decode(errors="replace"))


def run(lab, command, seconds):
    return finish(start(lab, command, seconds))


def keep_log(side, name, text):
    """What a program said, for whoever wants to know why: build/conformance/logs/SIDE/NAME."""
    folder = os.path.join(OUTPUT, "logs", side)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, re.sub(r"[^A-Za-z0-9._=-]+", "_", name)[:200]), "w") as file:
        file.write(text)
