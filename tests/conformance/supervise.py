# SPDX-License-Identifier: GPL-2.0
"""`supervise.py SECONDS COMMAND...`: runs a command with a time limit, and leaves nothing of it behind.

Test programs fork, daemonise and put their children in process groups of their own. Whatever this process's child
starts becomes this process's own child when its parent is gone (PR_SET_CHILD_SUBREAPER), so that all of it is found
and ended, by pid, when the command has ended or its time is over. Exit code: the command's, 128 and the signal that
ended it, or 124 when its time was over.
"""
import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TIME_OVER = 124

libc = ctypes.CDLL(None, use_errno=True)


def prctl(option, value):
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(word) for word in file.read().split()]
    except OSError:  # ended meanwhile
        return []


def descendants(pid):
    for child in children(pid):
        yield from descendants(child)
        yield child


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def end_descendants():
    """Until there is none: what forks while it is being ended is found in the next round."""
    while found := list(descendants(os.getpid())):
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reap()


def out_of_time(signum, frame):
    raise TimeoutError


def main(seconds, command):
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, out_of_time)
    process = None
    try:
        process = subprocess.Popen(command, start_new_session=True)
        signal.alarm(seconds)
        code = process.wait()
        signal.alarm(0)
        return code if code >= 0 else 128 - code
    except TimeoutError:
        return TIME_OVER
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_descendants()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
