# SPDX-License-Identifier: GPL-2.0
"""What a program costs that waits: wake-ups, and memory for connections that nothing happens on."""
import json
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from lab import ADDRESS_B, BenchError
from scenario import ALPINE, HOST, Scenario, SharedRuns, Target, alpine_at_most, on_side, ratio_at_most

IDLE_PORT, PORT = 7015, 7100
SETTLING_S, WATCHED_S = 1, 10
PORTS = 16  # a host has some 28,000 ports of its own for each of the other's
CONNECTIONS = 100_000
FREED_S = 3  # what is closed is given back some time later


def context_switches(pid):
    """Of all threads of a process, voluntary or not."""
    count = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        count += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", status.read_text(encoding="utf-8"))))
    return count


class WakeUps(Scenario):
    name, title, unit = "idle-wakeups", "idle program, wake-ups", "per s"
    target = alpine_at_most(0, "per s")
    question = "Does a program that waits keep the processor awake?"
    method = (f"bench_idle on host a: a TCP socket that listens and a connected UDP socket, blocked in poll(). After {SETTLING_S} s, "
              f"the context switches of all threads of its process in {WATCHED_S} s (/proc/PID/task/*/status).")

    def measure(self, lab, side):
        program = lab.serve("a", on_side(side, ["bench_idle", ADDRESS_B, str(IDLE_PORT)]), says_ready=True)
        try:
            time.sleep(SETTLING_S)
            before = context_switches(program.pid)
            time.sleep(WATCHED_S)
            return (context_switches(program.pid) - before) / WATCHED_S
        finally:
            lab.stop(program)


def slab_bytes(meminfo):
    return int(re.search(r"^Slab:\s+(\d+) kB", meminfo, re.MULTILINE).group(1)) << 10


def host_slab_bytes():
    return slab_bytes(Path("/proc/meminfo").read_text(encoding="ascii"))


def stack_slab_bytes(lab, pid):
    meminfo = lab.run("a", ["alp", "enter", str(pid), "--", "cat", "/proc/meminfo"])[0]
    if meminfo == Path("/proc/meminfo").read_text(encoding="ascii"):
        raise BenchError("alp enter: /proc/meminfo is the host's")
    return slab_bytes(meminfo)


@dataclass(frozen=True)
class Held:
    """What a run with many connections gave."""
    host_bytes: float   # of the host kernel's slab, each connection, both ends
    stack_bytes: float  # of the stack's, each connection; 0 where there is none
    few_per_s: float
    many_per_s: float


def hold_connections(lab, side):
    """Opens them, looks, and lets go."""
    server = lab.serve("b", ["bench_accept_connections", ADDRESS_B, str(PORT), str(PORTS)], says_ready=True)
    client = None
    try:
        command = ["bench_hold_connections", ADDRESS_B, str(PORT), str(PORTS), str(CONNECTIONS)]
        client = lab.serve("a", on_side(side, command), says_ready=True)
        in_host, in_stack = host_slab_bytes(), stack_slab_bytes(lab, client.pid) if side == ALPINE else 0
        client.send_signal(signal.SIGUSR1)
        report = json.loads(lab.line_from(client))
        time.sleep(FREED_S)
        in_host = host_slab_bytes() - in_host
        in_stack = stack_slab_bytes(lab, client.pid) - in_stack if side == ALPINE else 0
        return Held(in_host / CONNECTIONS, in_stack / CONNECTIONS, report["few_per_second"], report["many_per_second"])
    finally:
        for program in filter(None, (client, server)):
            lab.stop(program)
        time.sleep(FREED_S)


RUNS = SharedRuns(hold_connections)
HOW = (f"bench_hold_connections on host a opens {CONNECTIONS:,} TCP connections to bench_accept_connections on host b, {PORTS} "
       "ports there by turns, and keeps them. ")


class Memory(Scenario):
    name, title, unit = "idle-connections-memory", f"{CONNECTIONS:,} connections, each", "bytes"
    target = ratio_at_most(1.2)
    question = "How much memory of the stack does a connection take on which nothing happens?"
    method = HOW + ("How much the slab (Slab of /proc/meminfo) grows for each: on Alpine's side that of the stack in the process, by "
                    "`alp enter`; on the host's side half of what the host kernel's grows, which holds both ends, each a "
                    "descriptor, an inode and a socket.")

    def measure(self, lab, side):
        held = RUNS.next(self, lab, side)
        return held.host_bytes / 2 if side == HOST else held.stack_bytes


class HostMemory(Scenario):
    name, title, unit = "idle-connections-host", "  the host kernel's part", "bytes"
    question = "How much of the host kernel's memory does a connection of Alpine's take?"
    method = HOW + ("How much the host kernel's slab grows for each. On the left both ends are the host kernel's; on the right the end "
                    "on host b is, and of Alpine's the host socket that stands for its descriptor.")

    def measure(self, lab, side):
        return RUNS.next(self, lab, side).host_bytes


class ConnectRate(Scenario):
    """Few and many of the same runs."""
    unit = "per s"
    columns = ("with 100", f"with {CONNECTIONS:,}")
    question = "Does opening a connection take longer when there are many?"
    method = HOW + ("2,000 of them timed after the first 100 (left), and the last 2,000 (right).")

    def __init__(self, name, title, measured, target=None):
        self.name, self.title, self.target = name, title, target
        self._measured = measured

    def measure(self, lab, side):
        held = RUNS.next((self, side), lab, self._measured)
        return held.few_per_s if side == HOST else held.many_per_s


def flat_within(bound):
    return Target(f"flat within {bound:g}", lambda outcome: outcome.ratio, lambda ratio: 1 / bound <= ratio,
                  ratio_bound=1 / bound)


SCENARIOS = [
    WakeUps(), Memory(), HostMemory(),
    ConnectRate("connect-rate", f"connecting, 100 / {CONNECTIONS:,} open", ALPINE, flat_within(1.3)),
    ConnectRate("connect-rate-host", "  on the host's kernel", HOST),
]
