# SPDX-License-Identifier: GPL-2.0
"""For programs whose processes share a socket: skips a test as long as a forked child cannot use its parent's stack."""
from lab import alp
from programs import python
from runner import skip

PARENT_AND_CHILD = """
import os, socket
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", 0))
if os.fork() == 0:
    datagrams.getsockname()
    os._exit(0)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def skip_unless_forks_share_the_stack(lab):
    done = lab.run("a", alp(*python(PARENT_AND_CHILD)), check=False)
    if done.returncode != 0 and "forked child cannot yet share its parent's stack" in done.stderr:
        skip("this program's processes share a socket, and a forked child cannot yet use its parent's stack")
