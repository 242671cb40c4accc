# SPDX-License-Identifier: GPL-2.0
"""memcached and libmemcached's clients, each under Alpine with its other side on a host-kernel host."""
import os

from lab import ADDRESS, alp, on
from payload import make_file, make_folder, sha256_of
from programs import python
from runner import main
from unseen import check_unseen

PORT = 11211
# The binary's eight-byte UDP frame: request id, sequence number, number of datagrams, reserved.
UDP_CLIENT = """
import socket, struct, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.settimeout(5)
link.connect((sys.argv[1], int(sys.argv[2])))
def ask(number, text):
    link.send(struct.pack(">HHHH", number, 0, 1, 0) + text)
    answer = link.recv(2000)
    assert struct.unpack(">HHHH", answer[:8])[:3] == (number, 0, 1), answer
    return answer[8:]
for i in range(100):
    value = b"value %d" % i
    assert ask(2 * i, b"set key%d 0 0 %d\\r\\n%s\\r\\n" % (i, len(value), value)) == b"STORED\\r\\n"
    answer = ask(2 * i + 1, b"get key%d\\r\\n" % i)
    assert answer == b"VALUE key%d 0 %d\\r\\n%s\\r\\nEND\\r\\n" % (i, len(value), value), answer
"""


def server():
    return ["memcached", "-p", str(PORT), "-U", str(PORT), "-l", "0.0.0.0", "-t", "4", "-I", "4m"]


def servers_option(host):
    return "--servers=%s:%d" % (ADDRESS[host], PORT)


def statistic(lab, host, name):
    shown = lab.run("b", ["memcstat", servers_option(host)]).stdout
    return int(shown.split(name + ":")[1].split()[0])


def check_load(lab, client_host, server_host):
    """Twenty threads store and read; the server counts what they did."""
    for work, counter in (("set", "cmd_set"), ("get", "cmd_get")):
        before = statistic(lab, server_host, counter)
        lab.run(client_host, on(client_host, "memcslap", servers_option(server_host), "--concurrency=20",
                                "--execute-number=200", "--test=" + work))
        assert statistic(lab, server_host, counter) - before >= 20 * 200, work


def check_copy(lab, client_host, server_host):
    digest = make_file(lab, "value", 3_000_000)
    lab.run(client_host, on(client_host, "memccp", servers_option(server_host), lab.path("value")))
    got = os.path.join(make_folder(lab, "got"), "value")
    lab.run(client_host, on(client_host, "memccat", servers_option(server_host), "--file=" + got, "value"))
    assert sha256_of(got) == digest


def test_server_takes_load_from_twenty_clients(lab):
    lab.start_listener("a", alp(*server()), PORT)
    check_load(lab, "b", "a")


def test_clients_load_a_host_kernel_server(lab):
    lab.start_listener("b", server(), PORT)
    check_load(lab, "a", "b")


def test_server_keeps_a_big_value(lab):
    lab.start_listener("a", alp(*server()), PORT)
    check_copy(lab, "b", "a")


def test_client_stores_a_big_value(lab):
    lab.start_listener("b", server(), PORT)
    check_copy(lab, "a", "b")


def test_server_answers_over_udp(lab):
    lab.start_listener("a", alp(*server()), PORT)
    lab.run("b", python(UDP_CLIENT, ADDRESS["a"], PORT))


main(check_unseen)
