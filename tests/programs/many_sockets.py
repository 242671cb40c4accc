# SPDX-License-Identifier: GPL-2.0
"""Three times as many sockets as the original Alpine could have, in one process."""
from lab import ADDRESS, alp
from programs import ECHO_CLIENTS, ECHO_SERVER, python
from runner import main

PORT = 7000


def test_300_connections_at_once_in_one_process(lab):
    lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
    lab.run("a", alp(*python(ECHO_CLIENTS, ADDRESS["b"], PORT, 300, 5)))


def test_300_bound_sockets_at_once_in_one_process(lab):
    bind_all = ("import socket\n"
                "links = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(300)]\n"
                "for i, link in enumerate(links):\n"
                "    link.bind(('0.0.0.0', 20000 + i))\n"
                "assert sorted(l.getsockname()[1] for l in links) == list(range(20000, 20300))\n")
    lab.run("a", alp(*python(bind_all)))


main()
