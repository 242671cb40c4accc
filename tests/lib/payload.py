# SPDX-License-Identifier: GPL-2.0
"""Files that do not repeat, for tests to carry across the lab, and the hashes that tell whether they arrived whole."""
import hashlib
import os

UNPRIVILEGED = 65534


def make_file(lab, name, size_bytes):
    """A file of random bytes in the lab's folder. Returns its sha256."""
    data = os.urandom(size_bytes)
    with open(lab.path(name), "wb") as file:
        file.write(data)
    os.chmod(lab.path(name), 0o644)
    return hashlib.sha256(data).hexdigest()


def make_folder(lab, name):
    """A folder there of the tests' user's own. Returns its path."""
    os.mkdir(lab.path(name))
    return give_to_user(lab.path(name), 0o755)


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def give_to_user(path, mode=0o600):
    """Makes a file the tests' user's own: for programs that insist on that, as ssh with its key."""
    os.chmod(path, mode)
    os.chown(path, UNPRIVILEGED, UNPRIVILEGED)
    return path
