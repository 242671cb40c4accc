# SPDX-License-Identifier: GPL-2.0
"""Every scenario, in the order of the table; one file per kind."""
from scenarios import bulk, calls, connect, families, first_socket, idle, memory, rtt, servers, sharing, udp

ALL = [*bulk.SCENARIOS, *rtt.SCENARIOS, *connect.SCENARIOS, *udp.SCENARIOS, *servers.SCENARIOS, *calls.SCENARIOS,
       *first_socket.SCENARIOS, *memory.SCENARIOS, *idle.SCENARIOS, *families.SCENARIOS, *sharing.SCENARIOS]
