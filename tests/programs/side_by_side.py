# SPDX-License-Identifier: GPL-2.0
"""Host-kernel connections and Alpine connections between the same two hosts at the same time."""
from lab import ADDRESS, alp
from programs import ECHO_CLIENTS, ECHO_SERVER, python
from runner import main

PORT = 7000
CONNECTIONS = 100
ROUNDS = 100


def test_100_host_connections_and_100_alpine_connections_do_not_disturb_each_other(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    clients = python(ECHO_CLIENTS, ADDRESS["b"], PORT, CONNECTIONS, ROUNDS)
    on_host = lab.start("a", clients)
    on_alpine = lab.start("a", alp(*clients))
    for process in (on_host, on_alpine):
        assert process.wait(120) == 0, open(process.log).read()[-2000:]


def test_an_alpine_server_beside_a_host_server_each_serves_100_connections(lab):
    lab.start_listener("a", python(ECHO_SERVER, PORT), PORT)
    lab.start_listener("a", alp(*python(ECHO_SERVER, PORT + 1)), PORT + 1)
    running = [lab.start("b", python(ECHO_CLIENTS, ADDRESS["a"], port, CONNECTIONS, ROUNDS))
               for port in (PORT, PORT + 1)]
    for process in running:
        assert process.wait(120) == 0, open(process.log).read()[-2000:]


main()
