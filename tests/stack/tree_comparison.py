# SPDX-License-Identifier: GPL-2.0
"""The comparison of tree and tarball sees each kind of difference."""
import os
import shutil
import tarfile
import tempfile

from runner import main
from kernel_tree import differences


class Trees:
    """A small tarball, and the tree that was made from it: a view, with one folder a link to elsewhere."""

    def __enter__(self):
        self.top = tempfile.mkdtemp(prefix="alpine-tree-")
        pristine = os.path.join(self.top, "linux-1.0")
        os.makedirs(os.path.join(pristine, "net"))
        os.makedirs(os.path.join(pristine, "arch", "x86"))
        self.write(pristine, "Makefile", "all:\n")
        self.write(pristine, "net/tcp.c", "int cwnd;\n")
        self.write(pristine, "arch/x86/head.S", "nop\n")
        os.symlink("tcp.c", os.path.join(pristine, "net", "alias.c"))
        self.tarball = os.path.join(self.top, "linux.tar.xz")
        with tarfile.open(self.tarball, "w:xz") as archive:
            archive.add(pristine, "linux-1.0")
        self.pristine, self.tree = pristine, os.path.join(self.top, "src")
        os.makedirs(os.path.join(self.tree, "arch", "alpine"))
        self.write(self.tree, "arch/alpine/ours.c", "int ours;\n")
        for name in ("Makefile", "net", "arch/x86"):
            os.symlink(os.path.join(pristine, name), os.path.join(self.tree, name))
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.top)

    @staticmethod
    def write(root, name, text):
        with open(os.path.join(root, name), "w") as file:
            file.write(text)

    def found(self):
        return differences(self.tree, self.tarball)[0]


def test_an_untouched_view_has_no_difference():
    with Trees() as trees:
        assert differences(trees.tree, trees.tarball) == ([], 4)


def test_a_changed_byte_is_seen():
    with Trees() as trees:
        trees.write(trees.pristine, "net/tcp.c", "int cwnE;\n")
        assert trees.found() == ["changed: net/tcp.c"]


def test_an_extra_file_is_seen():
    with Trees() as trees:
        trees.write(trees.tree, "arch/other.c", "x")
        assert trees.found() == ["extra: arch/other.c"]


def test_a_missing_file_is_seen():
    with Trees() as trees:
        os.unlink(os.path.join(trees.pristine, "arch/x86/head.S"))
        assert trees.found() == ["missing: arch/x86/head.S"]


def test_a_link_to_elsewhere_is_seen():
    with Trees() as trees:
        os.unlink(os.path.join(trees.pristine, "net/alias.c"))
        os.symlink("../Makefile", os.path.join(trees.pristine, "net/alias.c"))
        assert trees.found() == ["changed: net/alias.c"]


def test_a_file_made_executable_is_seen():
    with Trees() as trees:
        os.chmod(os.path.join(trees.pristine, "Makefile"), 0o755)
        assert trees.found() == ["changed: Makefile"]


main()
