# SPDX-License-Identifier: GPL-2.0
"""What single calls cost that have nothing to wait for; see bench/calls.cpp."""
import json

from scenario import Scenario, on_side


class Call(Scenario):
    unit = "ns"

    def __init__(self, name, title, benchmark):
        self.name, self.title, self._benchmark = name, title, benchmark

    def measure(self, lab, side):
        command = ["bench_calls", "--benchmark_format=json", f"--benchmark_filter=^{self._benchmark}$"]
        return json.loads(lab.run("a", on_side(side, command))[0])["benchmarks"][0]["real_time"]


SCENARIOS = [
    Call("call-getsockopt", "getsockopt on a socket", "BM_getsockopt_on_socket"),
    Call("call-host-read", "read of a host file", "BM_read_on_host_file"),
    Call("call-epoll-wait", "epoll_wait, one socket ready", "BM_epoll_wait_ready_socket"),
    Call("call-socket", "socket and close", "BM_open_and_close_socket"),
]
