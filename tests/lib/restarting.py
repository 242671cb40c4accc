# SPDX-License-Identifier: GPL-2.0
"""For tests that end alpined and start it again."""
import os
import signal

from lab import wait_until


def daemon_dies(lab, how=signal.SIGKILL):
    pid = int(lab.daemon("pid"))
    os.kill(pid, how)
    wait_until(lambda: not os.path.exists("/proc/%d" % pid), "alpined is gone")


def restart(lab, how=signal.SIGKILL):
    daemon_dies(lab, how)
    lab.daemon("start")


def stacks(lab):
    return lab.run("a", ["alp", "ps"], user=False).stdout.splitlines()[1:]
