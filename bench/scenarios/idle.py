# SPDX-License-Identifier: GPL-2.0
"""What a program costs that waits: wake-ups, and memory for connections that nothing happens on."""
import json
import re
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from lab import ADDRESS_B, BenchError
from scenario import ALPINE, HOST, Scenario, SharedRuns, Target, alpine_at_most, on_side, ratio_at_most

IDLE_PORT, PORT = 7015, 7100
SETTLING_S, WATCHED_S = 1, 10
PORTS = 16  # a host has some 28,000 ports of its own for each of the other's
MANY, FEWER = 100_000, 12_000  # the latter where a process may not have so many descriptors, or ports
OTHER_DESCRIPTORS = 1000
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


def host_slab_bytes():
    meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
    return int(re.search(r"^Slab:\s+(\d+) kB", meminfo, re.MULTILINE).group(1)) << 10


def arena_bytes(pid):
    """What is resident of the arena that the process's stack lives in."""
    smaps = Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace")
    sizes = re.findall(r"memfd:alpine-arena.*\n(?:.*\n)*?Rss:\s+(\d+) kB", smaps)
    if not sizes:
        raise BenchError("no arena is mapped in the process")
    return sum(map(int, sizes)) << 10


@dataclass(frozen=True)
class Held:
    """What a run with many connections gave."""
    host_bytes: float   # of the host kernel's slab, each connection, both ends
    stack_bytes: float  # of the stack's arena, each connection; 0 where there is none
    few_per_s: float
    many_per_s: float


def check_descriptors(count):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit < count + OTHER_DESCRIPTORS:
        raise BenchError(f"this machine lets a process have no more than {limit:,} descriptors (ulimit -Hn)")


def hold_connections(lab, side, count):
    """Opens them, looks, and lets go."""
    check_descriptors(count)
    server = lab.serve("b", ["bench_accept_connections", ADDRESS_B, str(PORT), str(PORTS)], says_ready=True)
    client = None
    try:
        command = ["bench_hold_connections", ADDRESS_B, str(PORT), str(PORTS), str(count)]
        client = lab.serve("a", on_side(side, command), says_ready=True)
        in_host, in_stack = host_slab_bytes(), arena_bytes(client.pid) if side == ALPINE else 0
        client.send_signal(signal.SIGUSR1)
        report = json.loads(lab.line_from(client))
        time.sleep(FREED_S)
        in_host = host_slab_bytes() - in_host
        in_stack = arena_bytes(client.pid) - in_stack if side == ALPINE else 0
        return Held(in_host / count, in_stack / count, report["few_per_second"], report["many_per_second"])
    finally:
        for program in filter(None, (client, server)):
            lab.stop(program)
        time.sleep(FREED_S)


def how(count):
    return (f"bench_hold_connections on host a opens {count:,} TCP connections to bench_accept_connections on host b, {PORTS} "
            "ports there by turns, and keeps them. ")


class Memory(Scenario):
    unit = "bytes"
    question = "How much memory of the stack does a connection take on which nothing happens?"

    def __init__(self, count, runs, target):
        self.name, self.title, self.target = f"idle-memory-{count}", f"{count:,} idle connections, each", target
        self.method = how(count) + (
            "How much memory each takes: on Alpine's side what becomes resident of the arena that the stack lives in, with all that "
            "it holds (/proc/PID/smaps); on the host's side half of what the host kernel's slab (/proc/meminfo) grows, as it "
            "holds both ends, each a descriptor, an inode and a socket.")
        self._runs = runs

    def measure(self, lab, side):
        held = self._runs.next(self, lab, side)
        return held.host_bytes / 2 if side == HOST else held.stack_bytes


class HostMemory(Scenario):
    unit = "bytes"
    question = "How much of the host kernel's memory does a connection of Alpine's take?"

    def __init__(self, count, runs):
        self.name, self.title = f"idle-host-memory-{count}", "  the host kernel's part"
        self.method = how(count) + (
            "How much the host kernel's slab grows for each. On the left both ends are the host kernel's; on the right the end on "
            "host b is, and of Alpine's the host socket that stands for its descriptor.")
        self._runs = runs

    def measure(self, lab, side):
        return self._runs.next(self, lab, side).host_bytes


class ConnectRate(Scenario):
    """Few and many of the same runs."""
    unit = "per s"
    question = "Does opening a connection take longer when there are many?"

    def __init__(self, count, runs, measured, target=None):
        self.name = f"connect-rate-{count}" + ("-host" if measured == HOST else "")
        self.title = f"connecting, 100 / {count:,} open" if measured == ALPINE else "  on the host's kernel"
        self.columns, self.target = ("with 100", f"with {count:,}"), target
        self.method = how(count) + "2,000 of them timed after the first 100 (left), and the last 2,000 (right)."
        self._runs, self._measured = runs, measured

    def measure(self, lab, side):
        held = self._runs.next((self, side), lab, self._measured)
        return held.few_per_s if side == HOST else held.many_per_s


def flat_within(bound):
    return Target(f"flat within {bound:g}", lambda outcome: outcome.ratio, lambda ratio: 1 / bound <= ratio,
                  ratio_bound=1 / bound)


def rows(count, memory_target=None, rate_target=None):
    runs = SharedRuns(lambda lab, side: hold_connections(lab, side, count))
    return [Memory(count, runs, memory_target), HostMemory(count, runs), ConnectRate(count, runs, ALPINE, rate_target),
            ConnectRate(count, runs, HOST)]


SCENARIOS = [WakeUps(), *rows(MANY, ratio_at_most(1.2), flat_within(1.3)), *rows(FEWER)]
