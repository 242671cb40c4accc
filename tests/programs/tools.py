# SPDX-License-Identifier: GPL-2.0
"""ip, ss, tc, nstat, sysctl and ethtool, unprivileged under Alpine, look at the stack and change it.

Each process has a stack of its own. What a tool is to see must happen in its own process: by its batch mode, or by
traffic that a preloaded library makes there (tests/programs/with_traffic).
"""
import json
import re
import subprocess

from lab import ADDRESS, ADDRESS6, alp
from programs import BIND, ECHO_SERVER, python
from runner import main
from unseen import check_unseen
from with_traffic import with_traffic

PORT = 7000
HOST_PORT = 7777
BYTES = 100_000


def test_ip_shows_the_stacks_devices_with_the_hosts_addresses(lab):
    links = {link["ifname"]: link for link in json.loads(lab.run("a", alp("ip", "-j", "address")).stdout)}
    assert links.keys() == {"lo", "alp0"}, links.keys()
    addresses = {address["local"] for address in links["alp0"]["addr_info"]}
    assert {ADDRESS["a"], ADDRESS6["a"]} <= addresses, addresses


def test_ip_changes_devices_and_routes_of_the_stack_alone(lab):
    batch = lab.write("batch", "link set dev alp0 mtu 1400\nroute add 192.0.2.0/24 via %s\n"
                               "link show dev alp0\nroute get 192.0.2.1\n" % ADDRESS["b"], 0o644)
    shown = lab.run("a", alp("ip", "-batch", batch)).stdout
    assert re.search(r"alp0: .* mtu 1400 ", shown), shown
    assert re.search(r"192\.0\.2\.1 via %s dev alp0 src %s" % (ADDRESS["b"], ADDRESS["a"]), shown), shown
    on_host = lab.run("a", ["ip", "-o", "link", "show", "dev", "eth0"]).stdout
    assert " mtu 1500 " in on_host, on_host
    assert lab.run("a", ["ip", "route", "show", "192.0.2.0/24"]).stdout == ""


def test_ss_shows_the_programs_own_connection_and_its_tcp_state(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    holder = lab.start("a", python(BIND, HOST_PORT), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "bound\n"
    assert ":%d" % HOST_PORT in lab.run("a", ["ss", "-Htln"]).stdout
    shown = lab.run("a", with_traffic(lab, "BEFORE", (ADDRESS["b"], PORT, BYTES), "ss", "-Hatinm")).stdout
    connection, state = shown.splitlines()
    assert re.match(r"ESTAB +0 +0 +%s:\d+ +%s:%d" % (ADDRESS["a"], ADDRESS["b"], PORT), connection), shown
    # Acknowledged counts the SYN too. Sent would count what was sent twice.
    for word in ("skmem:(r", "cwnd:", "rtt:", "bytes_acked:%d " % (BYTES + 1), "bytes_received:%d " % BYTES):
        assert word in state, (word, shown)


def test_nstat_counts_the_programs_own_packets(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    command = with_traffic(lab, "BEFORE", (ADDRESS["b"], PORT, BYTES), "nstat", "-aszj")
    counts = json.loads(lab.run("a", command).stdout)["kernel"]
    assert counts["TcpActiveOpens"] == 1 and counts["TcpPassiveOpens"] == 0, counts
    # Segments as they are on the wire; IP may have several of them in one packet.
    assert counts["TcpOutSegs"] > BYTES // 1460 and counts["IpOutRequests"] > 0, counts
    assert counts["IpExtOutOctets"] > BYTES and counts["IpExtInOctets"] > BYTES, counts


def test_tc_delays_the_stacks_packets_with_netem(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    batch = lab.write("batch", "qdisc replace dev alp0 root netem delay 50ms\nqdisc show dev alp0\n", 0o644)
    done = lab.run("a", with_traffic(lab, "AFTER", (ADDRESS["b"], PORT), "tc", "-batch", batch))
    assert re.search(r"qdisc netem .*root .*delay 50ms", done.stdout), done.stdout
    took_us = int(re.search(r"handshake took (\d+) us", done.stderr)[1])
    assert took_us >= 50_000, done.stderr


def test_tc_replaces_and_deletes_any_qdisc(lab):
    lines = ["qdisc replace dev alp0 root %s\nqdisc show dev alp0\n" % qdisc
             for qdisc in ("fq", "fq_codel", "cake", "tbf rate 10mbit burst 10k latency 50ms", "htb")]
    batch = lab.write("batch", "".join(lines) + "qdisc del dev alp0 root\nqdisc show dev alp0\n", 0o644)
    shown = lab.run("a", alp("tc", "-batch", batch)).stdout
    kinds = re.findall(r"^qdisc (\w+) ", shown, re.M)
    assert kinds == ["fq", "fq_codel", "cake", "tbf", "htb", "noqueue"], shown


def test_sysctl_reads_and_sets_the_stacks_values_alone(lab):
    name = "net.ipv4.tcp_fin_timeout"
    before = lab.run("a", ["sysctl", "-n", name]).stdout
    shown = lab.run("a", alp("sysctl", "-n", name + "=17", name)).stdout
    assert shown.split()[-1] == "17", shown
    assert lab.run("a", ["sysctl", "-n", name]).stdout == before != "17\n"


def test_sysctl_lists_the_stacks_values(lab):
    options = ["--sysctl", "net.ipv4.tcp_congestion_control=vegas"]
    shown = lab.run("a", alp("sysctl", "-a", "--pattern", r"^net\.", options=options)).stdout
    assert "net.ipv4.tcp_congestion_control = vegas" in shown, shown[-2000:]
    assert "net.ipv4.conf.alp0.forwarding = " in shown and "net.ipv4.conf.eth0." not in shown, shown[-2000:]


def test_ethtool_describes_alp0_and_knows_no_device_of_the_host(lab):
    driver = lab.run("a", alp("ethtool", "-i", "alp0")).stdout
    assert re.search(r"^driver: \S+", driver, re.M), driver
    features = lab.run("a", alp("ethtool", "-k", "alp0")).stdout
    assert "tcp-segmentation-offload: on" in features, features
    assert "Link detected: yes" in lab.run("a", alp("ethtool", "alp0")).stdout
    missing = lab.run("a", alp("ethtool", "-k", "eth0"), check=False)
    assert missing.returncode != 0 and "No such device" in missing.stderr, missing


main(check_unseen)
