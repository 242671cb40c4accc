# SPDX-License-Identifier: GPL-2.0
"""CPU seconds of the whole machine and of a process with its children, for servers that are measured from outside."""
import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def machine_cpu_s():
    """Without idle, iowait and steal."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS_PER_S


def process_cpu_s(pid):
    """Of the process and of those that it started, as far as they live."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S + sum(map(process_cpu_s, children))


class CpuMeter:
    """What is used from its making on; `report()` is in the form in which bench/programs print it."""

    def __init__(self, pid):
        self._pid = pid
        self._machine, self._process = machine_cpu_s(), process_cpu_s(pid)

    def report(self):
        return {"machine_cpu_s": machine_cpu_s() - self._machine,
                "process_cpu_s": process_cpu_s(self._pid) - self._process}
