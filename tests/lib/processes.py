# SPDX-License-Identifier: GPL-2.0
"""What tests ask of the host about processes."""
import os


def children_of(pid):
    """Also of its threads."""
    children = []
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, thread)) as file:
            children += [int(word) for word in file.read().split()]
    return children


def alive(pid):
    return os.path.exists("/proc/%d" % pid)
