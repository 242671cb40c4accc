# SPDX-License-Identifier: GPL-2.0
"""What the figures were measured on."""
import os
import platform
import subprocess
import time

from lab import REPO


def description():
    """Lines of (what, value)."""
    return [
        ("when", time.strftime("%Y-%m-%d %H:%M %Z")),
        ("processor", f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} of them"),
        ("virtual machine", _output(["systemd-detect-virt"]) or "unknown"),
        ("memory", _field("/proc/meminfo", "MemTotal")),
        ("host kernel", platform.release()),
        ("system", _field("/etc/os-release", "PRETTY_NAME", "=").strip('"')),
        ("Alpine", _output(["git", "-c", f"safe.directory={REPO}", "-C", str(REPO), "describe", "--always", "--dirty"])
         or "unknown"),
        ("load average at the start", " ".join(f"{load:.1f}" for load in os.getloadavg())),
    ]


def load_average():
    return os.getloadavg()[0]


def _field(path, name, separator=":"):
    with open(path, encoding="utf-8") as file:
        for line in file:
            key, _, value = line.partition(separator)
            if key.strip() == name:
                return value.strip()
    return "unknown"


def _output(argv):
    try:
        return subprocess.run(argv, text=True, capture_output=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
