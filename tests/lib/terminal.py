# SPDX-License-Identifier: GPL-2.0
"""A program on a terminal of its own: a test types, and reads what a person would see."""
import os
import pty
import select
import time


class Terminal:
    def __init__(self, lab, host, command):
        self.master, slave = pty.openpty()
        self.seen = ""
        self.process = lab.start(host, command, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, text, timeout=20.0):
        """Waits until the screen shows the text, after what the last expect() found."""
        end = time.monotonic() + timeout
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            piece = self._read() if ready else b""
            if not piece:
                raise AssertionError("%r did not appear; the screen shows %r" % (text, self.seen))
            self.seen += piece.decode(errors="replace")
        self.seen = self.seen.split(text, 1)[1]

    def wait(self, timeout=20):
        return self.process.wait(timeout)

    def _read(self):
        try:
            return os.read(self.master, 65536)
        except OSError:  # EIO: the program has closed its side
            return b""
