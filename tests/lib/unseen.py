# SPDX-License-Identifier: GPL-2.0
"""Did what ran under Alpine on host a keep off the host kernel's own stack?

A program whose sockets were missed by Alpine would work all the same, on the host's stack. So host a's kernel must have
opened and accepted no connection and sent no datagram, but for the lab's own looks whether a server on b answers.
"""
from lab import ON_HOST


def counters(lab, host, protocol):
    """A line of /proc/net/snmp of the host's kernel, by name."""
    shown = lab.run(host, ["cat", "/proc/net/snmp"], user=False).stdout
    names, values = [line.split()[1:] for line in shown.splitlines() if line.startswith(protocol + ":")]
    return dict(zip(names, map(int, values)))


def check_unseen(lab):
    if ON_HOST:
        return
    tcp, udp = counters(lab, "a", "Tcp"), counters(lab, "a", "Udp")
    assert tcp["PassiveOpens"] == 0, "a's host kernel accepted %d connections" % tcp["PassiveOpens"]
    assert tcp["ActiveOpens"] <= lab.looks_from["a"], "a's host kernel opened %d connections, %d of them the lab's" % (
        tcp["ActiveOpens"], lab.looks_from["a"])
    assert udp["OutDatagrams"] == 0, "a's host kernel sent %d datagrams" % udp["OutDatagrams"]
