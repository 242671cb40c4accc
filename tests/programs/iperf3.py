# SPDX-License-Identifier: GPL-2.0
"""iperf3 under Alpine, both directions, TCP and UDP, one stream and eight, as client and as server."""
import json

from lab import ADDRESS, ADDRESS6, alp
from runner import main

SECONDS = 2


def iperf3(lab, server, *options, client_host="a"):
    """Runs a client there and returns its report."""
    command = ["iperf3", "-J", "-c", server, "-t", str(SECONDS), *options]
    done = lab.run(client_host, alp(*command) if client_host == "a" else command, check=False, timeout=60)
    report = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    assert done.returncode == 0 and "error" not in report, (done.returncode, report.get("error"), done.stdout[-500:],
                                                           done.stderr)
    return report["end"]


def check_tcp(lab, streams, *options, server=ADDRESS["b"]):
    lab.start_listener("b", ["iperf3", "-s"], 5201)
    end = iperf3(lab, server, "-P", str(streams), *options)
    assert len(end["streams"]) == streams
    for stream in end["streams"]:
        assert stream["receiver"]["bytes"] > 100_000, stream
    # What was sent and what came in differ by no more than what was under way at the end.
    assert end["sum_received"]["bytes"] > 0.8 * end["sum_sent"]["bytes"], end["sum_received"]


def check_udp(lab, streams, *options):
    lab.start_listener("b", ["iperf3", "-s"], 5201)
    # Slow enough that a receiver the machine keeps waiting for some 50 ms loses nothing: its buffer holds 90 datagrams.
    end = iperf3(lab, ADDRESS["b"], "-u", "-b", "%dk" % (20_000 // streams), "-P", str(streams), *options)
    assert len(end["streams"]) == streams
    assert end["sum"]["packets"] > 1000, end["sum"]
    assert end["sum"]["lost_percent"] < 5, end["sum"]


def test_tcp_sends_one_stream(lab):
    check_tcp(lab, 1)


def test_tcp_sends_eight_streams(lab):
    check_tcp(lab, 8)


def test_tcp_receives_one_stream(lab):
    check_tcp(lab, 1, "-R")


def test_tcp_receives_eight_streams(lab):
    check_tcp(lab, 8, "-R")


def test_tcp_sends_and_receives_over_ipv6(lab):
    check_tcp(lab, 1, server=ADDRESS6["b"])


def test_udp_sends_one_stream(lab):
    check_udp(lab, 1)


def test_udp_sends_eight_streams(lab):
    check_udp(lab, 8)


def test_udp_receives_one_stream(lab):
    check_udp(lab, 1, "-R")


def test_udp_receives_eight_streams(lab):
    check_udp(lab, 8, "-R")


def test_server_serves_a_host_kernel_client_both_ways(lab):
    lab.start_listener("a", alp("iperf3", "-s"), 5201)
    for direction in ([], ["-R"]):
        end = iperf3(lab, ADDRESS["a"], *direction, client_host="b")
        assert end["sum_received"]["bytes"] > 100_000, end["sum_received"]


main()
