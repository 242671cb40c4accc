# SPDX-License-Identifier: GPL-2.0
"""What single calls cost that have nothing to wait for; see bench/calls.cpp. A stack runs in the process before anything
is measured. Calls on host descriptors are judged by the difference to the plain run, calls on the stack by what they
take."""
import json

from scenario import Scenario, alpine_at_most, extra_at_most, on_side


class Call(Scenario):
    unit = "ns"
    # The calls wait for nothing, so the CPU's time is what they take; whatever disturbs them only adds to it, so the
    # least is nearest to what they cost.
    figure = staticmethod(min)
    method = ("bench_calls (Google Benchmark), a socket open in the process: CPU time of a call that has nothing to wait for. The "
              "least of ten repetitions in each round, and of all rounds.")

    def __init__(self, benchmark, title, target=None, threads=False, headline=True):
        self.name = f"call-{benchmark.replace('_', '-')}" + ("-threads" if threads else "")
        self.title = "  with a second thread" if threads else title
        self.question = f"What does one call cost: {title}" + (", with a second thread alive?" if threads else "?")
        self.target, self.headline = target, headline
        self._benchmark, self._options = benchmark, ["--threads_alive"] if threads else []

    def measure(self, lab, side):
        command = ["bench_calls", *self._options, "--benchmark_format=json", f"--benchmark_filter=^{self._benchmark}$",
                   "--benchmark_min_time=0.02", "--benchmark_repetitions=10"]
        rows = json.loads(lab.run("a", on_side(side, command))[0])["benchmarks"]
        return min(row["cpu_time"] for row in rows if row["run_type"] == "iteration")


def on_host(benchmark, title):
    """A call on a host descriptor, in a process of one thread and of two: Alpine's way through differs."""
    target = extra_at_most(20, "ns")
    return [Call(benchmark, title, target), Call(benchmark, title, target, threads=True)]


SCENARIOS = [
    *on_host("read_dev_zero", "read, /dev/zero"),
    *on_host("write_dev_null", "write, /dev/null"),
    *on_host("recv_unix_socket", "recv, Unix socket"),
    *on_host("poll_eventfd", "poll, eventfd"),
    *on_host("epoll_wait_eventfd", "epoll_wait, eventfd"),
    Call("getsockopt_type", "getsockopt SO_TYPE, socket", alpine_at_most(150, "ns")),
    Call("epoll_wait_socket", "epoll_wait, ready socket", alpine_at_most(1000, "ns")),
    Call("epoll_wait_socket_beside_host", "  with host descriptors", alpine_at_most(1000, "ns")),
    Call("socket_and_close", "socket and close", headline=False),
]
