# SPDX-License-Identifier: GPL-2.0
"""One-byte question and answer."""
import json

import lwip
from lab import ADDRESS_B
from scenario import Scenario, SharedRuns, on_side, per_request, ratio_at_most
from sides import CLASSIC, LWIP, PASTA, SLIRP, is_user

PORT = 7007
COUNT = 10_000
BUSY_POLL_US = 200


def runs_of(program, *, user=True):
    """Runs of one of bench/programs that reports as bench_rtt does."""
    def run(lab, side):
        if side == LWIP:
            return lwip.round_trips(lab, PORT, COUNT)
        return json.loads(lab.run("a", on_side(side, program), user=user and is_user(side))[0])
    return SharedRuns(run)


def runs_of_rtt(protocol, *options, user=True):
    return runs_of(["bench_rtt", *options, protocol, ADDRESS_B, str(PORT), str(COUNT)], user=user)


class RoundTrip(Scenario):
    """A row: one statistic of runs that it may share with another."""
    unit, cpu_unit = "us", "us/request"

    def __init__(self, name, title, protocol, runs, statistic, method, target=None, headline=False, peers=()):
        self.name, self.title, self.target, self.headline, self.peers = name, title, target, headline, peers
        self.question = "How long does one byte there and one back take: " + {
            "median": "half of them at most?", "p99": "99 of 100 at most?"}[statistic]
        self.method = method
        self._protocol, self._runs, self._statistic = protocol, runs, statistic
        self._server = None

    def start(self, lab):
        self._server = lab.serve("b", ["bench_echo_server", self._protocol, ADDRESS_B, str(PORT)], says_ready=True)

    def stop(self, lab):
        if self._server is not None:
            lab.stop(self._server)

    def measure(self, lab, side):
        report = self._runs.next(self, lab, side)
        return per_request(report[f"{self._statistic}_us"], report, report["count"])


PLAIN = (f"bench_rtt on host a, {COUNT} times after a warm-up, TCP_NODELAY; bench_echo_server on host b, on the host's kernel, "
         "answers at once.")
BUSY = (PLAIN + f" The socket on host a asks for SO_BUSY_POLL of {BUSY_POLL_US} us, on either side; the program runs as root, "
        "which the host's kernel wants for that.")
TCP = runs_of_rtt("tcp")
# The host's kernel lets only root ask for it.
TCP_BUSY = runs_of_rtt("tcp", f"--busy-poll={BUSY_POLL_US}", user=False)
PEERS = (CLASSIC, SLIRP, PASTA, LWIP)

SCENARIOS = [
    RoundTrip("rtt-tcp-median", "one-byte round trip, TCP", "tcp", TCP, "median", PLAIN, ratio_at_most(1.0), headline=True,
              peers=PEERS),
    RoundTrip("rtt-tcp-p99", "  its 99th percentile", "tcp", TCP, "p99", PLAIN, ratio_at_most(1.0), peers=PEERS),
    RoundTrip("rtt-tcp-busy-median", "  busy polling", "tcp", TCP_BUSY, "median", BUSY, ratio_at_most(0.5)),
    RoundTrip("rtt-tcp-busy-p99", "  busy polling, 99th percentile", "tcp", TCP_BUSY, "p99", BUSY, ratio_at_most(0.5)),
    RoundTrip("rtt-udp-median", "one-byte round trip, UDP", "udp", runs_of_rtt("udp"), "median", PLAIN, ratio_at_most(1.0),
              peers=(CLASSIC, SLIRP, PASTA)),
]


class Loopback(Scenario):
    name, title, unit, cpu_unit = "loopback-tcp", "two threads over 127.0.0.1", "us", "us/request"
    target = ratio_at_most(1.0)
    question = "How long does one byte there and one back take between two threads of one program?"
    method = (f"bench_loopback: TCP over 127.0.0.1, {COUNT} times after a warm-up; the median. Under Alpine that is the "
              "stack's own loopback, and no packet leaves the process.")

    def measure(self, lab, side):
        report = json.loads(lab.run("a", on_side(side, ["bench_loopback", str(COUNT)]))[0])
        return per_request(report["median_us"], report, report["count"])


SCENARIOS.append(Loopback())
