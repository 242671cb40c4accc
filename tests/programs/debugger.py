# SPDX-License-Identifier: GPL-2.0
"""gdb sees program and stack as one: a breakpoint in the stack, a backtrace from curl's own frames down to it."""
import re

from lab import ADDRESS, alp
from nginx import nginx_command
from runner import main

PORT = 8080


def test_breakpoint_in_tcp_write_xmit_shows_one_backtrace_from_curl(lab):
    lab.write("index.html", "hello\n", 0o644)
    lab.start_listener("b", nginx_command(lab, lab.tmp, PORT), PORT, user=False)
    command = ["gdb", "-nx", "-batch", "-ex", "set breakpoint pending on", "-ex", "set debuginfod enabled off",
               "-ex", "break tcp_write_xmit", "-ex", "run", "-ex", "backtrace", "--args",
               *alp("curl", "-s", "http://%s:%d/index.html" % (ADDRESS["b"], PORT))]
    shown = lab.run("a", command, timeout=220).stdout
    frames = re.findall(r"^#(\d+) .*$", shown, re.M)
    assert frames and [int(n) for n in frames] == list(range(len(frames))), shown[-4000:]
    in_order = [r"^#0 .*tcp_write_xmit .*net/ipv4/tcp_output\.c", r"^#\d+ .*tcp_sendmsg ", r"^#\d+ .*libcurl",
                r"^#\d+ .*(main|/bin/curl|_start)"]
    at = 0
    for pattern in in_order:
        found = re.compile(pattern, re.M).search(shown, at)
        assert found, "no frame %s\n%s" % (pattern, shown[-4000:])
        at = found.end()


main()
