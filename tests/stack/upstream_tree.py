# SPDX-License-Identifier: GPL-2.0
"""The Linux tree that is built is Debian's package, byte for byte, but for arch/alpine."""
import glob
import os

from lab import BUILD
from runner import main
from kernel_tree import differences

TARBALL = "/usr/src/linux-source-6.12.tar.xz"


def test_built_tree_is_the_package_outside_arch_alpine():
    tree = os.path.join(os.path.realpath(os.path.join(BUILD, "lib", "alpine")), "..", "..", "stack", "linux-6.12", "src")
    assert glob.glob(os.path.join(tree, "arch", "alpine", "*")), tree
    found, compared = differences(tree, TARBALL)
    assert compared > 70_000, compared
    assert not found, "%d differences:\n%s" % (len(found), "\n".join(found[:50]))


main()
