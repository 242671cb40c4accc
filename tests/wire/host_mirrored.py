# SPDX-License-Identifier: GPL-2.0
"""The stack's own view of the network is the host's: ip(8), unmodified, asked inside and outside."""
from lab import ADDRESS, alp
from runner import main


def inside(lab, *arguments):
    return lab.run("a", alp("ip", *arguments)).stdout


def on_host(lab, *arguments):
    lab.run("a", ["ip", *arguments], user=False)


def test_alp0_has_the_hosts_addresses(lab):
    shown = inside(lab, "-o", "address", "show", "dev", "alp0")
    assert " 10.77.0.1/24 " in shown and " fd77::1/64 " in shown, shown
    assert "fe80:" not in shown, shown


def test_loopback_is_up(lab):
    shown = inside(lab, "-o", "address", "show", "dev", "lo")
    assert " 127.0.0.1/8 " in shown and " ::1/128 " in shown, shown


def test_routes_are_the_hosts_by_way_of_alp0(lab):
    on_host(lab, "route", "add", "default", "via", ADDRESS["b"])
    on_host(lab, "route", "add", "unreachable", "192.0.2.0/24")
    shown = inside(lab, "route", "show")
    assert "default dev alp0 scope link src 10.77.0.1" in shown, shown
    assert "unreachable 192.0.2.0/24" in shown, shown


def test_mtu_is_the_hosts(lab):
    on_host(lab, "link", "set", "eth0", "mtu", "9000")
    assert " mtu 9000 " in inside(lab, "-o", "link", "show", "dev", "alp0")


def test_a_jumbo_datagram_reaches_the_stack_whole(lab):
    for host in "ab":
        lab.run(host, ["ip", "link", "set", "eth0", "mtu", "9000"], user=False)
    answer = ("import socket; s = socket.socket(type=2); s.bind(('10.77.0.2', 7))\n"
              "d, f = s.recvfrom(9999); s.sendto(d, f)")
    ask = ("import socket; s = socket.socket(type=2); s.settimeout(0.5)\n"
           "for attempt in range(20):\n"
           "    s.sendto(bytes(8900), ('10.77.0.2', 7))\n"
           "    try: print(len(s.recv(9999))); break\n"
           "    except TimeoutError: pass\n")
    lab.start("b", ["/usr/bin/python3", "-c", answer], user=False)
    assert lab.run("a", alp("/usr/bin/python3", "-c", ask)).stdout.strip() == "8900"


main()
