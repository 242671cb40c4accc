# SPDX-License-Identifier: GPL-2.0
"""What is built, installed into a folder of a test's."""
import os
import subprocess

from lab import BUILD


def install(prefix, root=""):
    """`root` is DESTDIR. Returns the paths in cmake's list of what it has installed: one of its own, as a component is named
    (everything belongs to it), beside that of the user's last installation."""
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix, "--component", "Unspecified"],
                          env={**os.environ, "DESTDIR": root}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    with open(os.path.join(BUILD, "install_manifest_Unspecified.txt")) as file:
        return file.read().split("\n")
