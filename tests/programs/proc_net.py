# SPDX-License-Identifier: GPL-2.0
"""What a program reads in /proc/net, /proc/sys/net and /sys/class/net is its own stack's."""
import subprocess

from lab import ADDRESS, alp
from programs import BIND, ECHO_SERVER, python
from runner import main
from unseen import check_unseen

PORT = 7000
HOST_PORT = 7777
SOCKETS = """
import pathlib, socket, sys
address, port, host_port = sys.argv[1], *map(int, sys.argv[2:])

def table(path):
    with open(path) as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return [(int(row[1].split(":")[1], 16), int(row[2].split(":")[1], 16), row[3]) for row in rows]

links = [socket.create_connection((address, port)) for _ in range(5)]
listener = socket.create_server(("0.0.0.0", port + 1))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", port + 2))
expected = sorted([(link.getsockname()[1], port, "01") for link in links] + [(port + 1, 0, "0A")])
for path in ("/proc/net/tcp", "/proc/self/net/tcp"):
    assert sorted(table(path)) == expected, (path, table(path), expected)
assert [row[0] for row in table("/proc/net/udp")] == [port + 2], table("/proc/net/udp")
links.pop().close()
assert sum(state == "01" for _, _, state in table("/proc/net/tcp")) == len(links)
assert pathlib.Path("/proc/net/tcp6").read_text().count("\\n") == 1
"""
COUNTERS = """
import os, socket, sys
address, port = sys.argv[1], int(sys.argv[2])

def bytes_in_and_out():
    with open("/proc/net/dev") as file:
        devices = dict(line.split(":") for line in file.readlines()[2:])
    devices = {name.strip(): [int(word) for word in rest.split()] for name, rest in devices.items()}
    assert devices.keys() == {"lo", "alp0"}, devices
    return devices["alp0"][0], devices["alp0"][8]

def from_sysfs():
    values = []
    for name in ("rx_bytes", "tx_bytes"):
        with open("/sys/class/net/alp0/statistics/" + name) as file:
            values.append(int(file.read()))
    return tuple(values)

before = bytes_in_and_out()
link = socket.create_connection((address, port))
link.sendall(bytes(500_000))
assert len(link.recv(500_000, socket.MSG_WAITALL)) == 500_000
after = bytes_in_and_out()
assert min(after[i] - before[i] for i in range(2)) > 500_000, (before, after)
assert min(from_sysfs()) > 500_000, from_sysfs()
assert set(os.listdir("/sys/class/net")) >= {"lo", "alp0"} and "eth0" not in os.listdir("/sys/class/net")
assert os.path.exists("/sys/class/net/alp0/mtu") and not os.path.exists("/sys/class/net/eth0")
assert {name for _, name in socket.if_nameindex()} == {"lo", "alp0"}, socket.if_nameindex()
"""
SETTINGS = """
import socket
path = "/proc/sys/net/ipv4/tcp_congestion_control"

def of_new_socket():
    return socket.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\\0").decode()

for name in ("reno", "vegas", "cubic"):
    with open(path, "w") as file:
        file.write(name)
    with open(path) as file:
        assert file.read().strip() == name == of_new_socket()
try:
    with open(path, "w") as file:
        file.write("no_such_control")
except FileNotFoundError:
    pass
else:
    raise SystemExit("the stack took a congestion control that does not exist")
"""


def test_socket_tables_hold_the_programs_own_sockets(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    holder = lab.start("a", python(BIND, HOST_PORT), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "bound\n"
    lab.run("a", alp(*python(SOCKETS, ADDRESS["b"], PORT, HOST_PORT)))


def test_device_counters_are_those_of_alp0(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    lab.run("a", alp(*python(COUNTERS, ADDRESS["b"], PORT)))


def test_a_written_setting_takes_effect_in_the_program(lab):
    on_host = ["sysctl", "-n", "net.ipv4.tcp_congestion_control"]
    before = lab.run("a", on_host).stdout
    lab.run("a", alp(*python(SETTINGS)))
    assert lab.run("a", on_host).stdout == before


main(check_unseen)
