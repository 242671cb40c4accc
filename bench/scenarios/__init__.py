# SPDX-License-Identifier: GPL-2.0
"""Every scenario, in the order of the table; one file per kind."""
from scenarios import bulk, calls, connect, families, first_socket, memory, rtt, sharing, wires

ALL = [*bulk.SCENARIOS, *rtt.SCENARIOS, *connect.SCENARIOS, *calls.SCENARIOS, *first_socket.SCENARIOS,
       *memory.SCENARIOS, *families.SCENARIOS, *sharing.SCENARIOS, *wires.SCENARIOS]
