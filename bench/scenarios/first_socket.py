# SPDX-License-Identifier: GPL-2.0
"""From exec (of `alp run`, on Alpine's side) to the program's first socket."""
import json

from scenario import Scenario, alpine_at_most, on_side


class FirstSocket(Scenario):
    name, title, unit = "first-socket", "exec to first socket", "ms"
    target, headline = alpine_at_most(50, "ms"), True
    question = "How long does a program take to its first socket, a stack's start included?"
    method = ("bench_first_socket: from the exec of the program (of `alp run`, on Alpine's side) until socket() has returned.")

    def measure(self, lab, side):
        command = ["bench_first_socket", "--launch", *on_side(side, ["bench_first_socket"])]
        return json.loads(lab.run("a", command)[0])["exec_to_socket_ms"]


SCENARIOS = [FirstSocket()]
