# SPDX-License-Identifier: GPL-2.0
"""The stack's congestion controls, whatever the host's kernel has."""
import json

from lab import ADDRESS, alp
from programs import python
from runner import main, skip

NAME = "import socket; s = socket.socket(); print(s.getsockopt(6, socket.TCP_CONGESTION, 16).rstrip(b'\\0').decode())"


def test_vegas_works_where_the_host_kernel_refuses_it(lab):
    lab.start_listener("b", ["iperf3", "-s"], 5201)
    command = ["iperf3", "-J", "-c", ADDRESS["b"], "-t", "1", "-C", "vegas"]
    on_host = json.loads(lab.run("a", command, check=False).stdout)
    if "error" not in on_host:
        skip("this host's kernel has vegas, so that there is nothing to be better at")
    report = json.loads(lab.run("a", alp(*command)).stdout)
    assert "error" not in report, report["error"]
    assert report["end"]["sender_tcp_congestion"] == "vegas", report["end"]
    assert report["end"]["sum_received"]["bytes"] > 100_000


def test_sysctl_option_sets_the_congestion_control(lab):
    for name in ("bbr", "cubic"):  # one of them may be what the stack would have taken anyway, not both
        options = ["--sysctl", "net.ipv4.tcp_congestion_control=" + name]
        assert lab.run("a", alp(*python(NAME), options=options)).stdout.strip() == name


def test_sysctl_variable_sets_the_congestion_control(lab):
    variables = {"ALPINE_SYSCTL": "net.ipv4.tcp_congestion_control=vegas"}
    assert lab.run("a", alp(*python(NAME)), env=variables).stdout.strip() == "vegas"


def test_every_congestion_control_of_linux_is_there(lab):
    command = alp(*python("import socket; s = socket.socket()\nfor name in '%s'.split():\n"
                          "    s.setsockopt(6, socket.TCP_CONGESTION, name.encode())" %
                          "reno cubic bbr bic cdg dctcp westwood highspeed hybla htcp illinois lp scalable vegas veno yeah nv"))
    lab.run("a", command)


main()
