# SPDX-License-Identifier: GPL-2.0
"""tcpdump, unprivileged under Alpine, captures on the stack's device by a packet socket of the stack."""
import re

from lab import ADDRESS, alp
from programs import LINE_REVERSER, python
from runner import main
from unseen import check_unseen
from with_traffic import with_traffic

PORT = 9999  # one that tcpdump takes for no protocol in particular


def test_shows_what_its_own_process_sends_and_receives(lab):
    lab.start_listener("b", python(LINE_REVERSER, PORT), PORT)
    command = with_traffic(lab, "DURING", (ADDRESS["b"], PORT), "tcpdump", "-nn", "-l", "-A", "-c", "8", "-i", "alp0",
                           "udp port %d" % PORT)
    shown = lab.run("a", command).stdout
    sent = re.findall(r"IP %s\.\d+ > %s\.%d: UDP, length" % (ADDRESS["a"], ADDRESS["b"], PORT), shown)
    received = re.findall(r"IP %s\.%d > %s\.\d+: UDP, length" % (ADDRESS["b"], PORT, ADDRESS["a"]), shown)
    assert len(sent) + len(received) == 8 and sent and received, shown
    assert "datagram" in shown and "margatad>" in shown, shown


def test_writes_what_its_filter_lets_through(lab):
    lab.start_listener("b", python(LINE_REVERSER, PORT), PORT)
    capture = lab.write("capture.pcap", "", 0o666)
    lab.run("a", with_traffic(lab, "DURING", (ADDRESS["b"], PORT), "tcpdump", "-nn", "-c", "4", "-i", "alp0",
                              "-w", capture, "udp src port %d" % PORT))
    lines = lab.run("b", ["tcpdump", "-nn", "-r", capture], user=False).stdout.splitlines()
    assert len(lines) == 4, lines
    assert all("IP %s.%d > %s." % (ADDRESS["b"], PORT, ADDRESS["a"]) in line for line in lines), lines


def test_lists_the_stacks_devices(lab):
    shown = lab.run("a", alp("tcpdump", "-D")).stdout
    names = re.findall(r"^\d+\.(\S+)", shown, re.M)
    assert "alp0" in names and "lo" in names and "eth0" not in names, shown


main(check_unseen)
