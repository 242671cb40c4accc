# SPDX-License-Identifier: GPL-2.0
"""From exec (of `alp run`, on Alpine's side) to the program's first socket."""
import json

from scenario import Scenario, alpine_at_most, on_side


class FirstSocket(Scenario):
    name, title, unit = "first-socket", "exec to first socket", "ms"
    target = alpine_at_most(150, "ms")

    def measure(self, lab, side):
        command = ["bench_first_socket", "--launch", *on_side(side, ["bench_first_socket"])]
        return json.loads(lab.run("a", command)[0])["exec_to_socket_ms"]


SCENARIOS = [FirstSocket()]
