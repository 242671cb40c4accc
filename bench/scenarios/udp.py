# SPDX-License-Identifier: GPL-2.0
"""Datagrams one way: what counts is what arrives."""
import json

from lab import ADDRESS_B, BenchError
from scenario import Scenario, on_side, per_gigabyte, per_request, ratio_at_least

PORT = 7012
SECONDS = 3
SMALL_BYTES = 1
SEGMENT_BYTES = 1448
SEGMENTS = 44  # of one send(): nearly the 64 KiB that a datagram can be


class Datagrams(Scenario):
    """bench_udp_send on host a, and a new bench_sink on host b each time."""

    def measure(self, lab, side):
        sink = lab.serve("b", ["bench_sink", "udp", ADDRESS_B, str(PORT)], says_ready=True)
        try:
            sender = json.loads(lab.run("a", on_side(side, self._sender()))[0])
            arrived = json.loads(lab.line_from(sink)) if sender["messages"] else {"datagrams": 0}
        finally:
            lab.stop(sink)
        if arrived["datagrams"] == 0:
            raise BenchError("nothing arrived")
        return self._sample(arrived, sender)

    def _sender(self):
        raise NotImplementedError

    def _sample(self, arrived, sender):
        raise NotImplementedError


class Small(Datagrams):
    name, title, unit, cpu_unit = "udp-small", "small UDP datagrams", "k per s", "us/request"
    target = ratio_at_least(0.5)
    question = "How many datagrams of one byte a second come through, each sent by a call of its own?"
    method = (f"bench_udp_send on host a sends for {SECONDS} s as fast as send() takes them; bench_sink on host b counts what "
              "arrives, and that is the figure. CPU time is for each that arrived.")

    def _sender(self):
        return ["bench_udp_send", ADDRESS_B, str(PORT), str(SECONDS), str(SMALL_BYTES)]

    def _sample(self, arrived, sender):
        return per_request(arrived["datagrams"] / arrived["seconds"] / 1e3, sender, arrived["datagrams"])


class Segmented(Datagrams):
    name, title, unit, cpu_unit = "udp-gso", "UDP bulk, GSO of 64 KiB", "Gbit/s", "s/GB"
    target = ratio_at_least(0.9)
    question = "How much do datagrams move when one call hands over 64 KiB of them?"
    method = (f"bench_udp_send on host a sends for {SECONDS} s, {SEGMENTS} datagrams of {SEGMENT_BYTES} bytes with each send() "
              "(UDP_SEGMENT); bench_sink on host b (UDP_GRO) counts the bytes that arrive, and they are the figure.")

    def _sender(self):
        return ["bench_udp_send", ADDRESS_B, str(PORT), str(SECONDS), str(SEGMENT_BYTES * SEGMENTS), str(SEGMENT_BYTES)]

    def _sample(self, arrived, sender):
        return per_gigabyte(arrived["bytes"] * 8 / arrived["seconds"] / 1e9, sender, arrived["bytes"])


SCENARIOS = [Small(), Segmented()]
