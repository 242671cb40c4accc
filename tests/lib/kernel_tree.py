# SPDX-License-Identifier: GPL-2.0
"""Is a kernel tree, but for one folder of ours, exactly what a tarball holds?

The tree that is built is a view: its folders may be links (absolute ones, which no kernel tree holds of its own) into
an unpacked copy elsewhere. What is compared is what the compiler sees through them: every file's bytes, its executable
bit, every link's target, and that there is nothing in the tree that the tarball does not have.
"""
import os
import stat
import tarfile


def through_view(path):
    """`path` itself, or where it leads when it is a link of the view."""
    if os.path.islink(path) and os.path.isabs(os.readlink(path)):
        return os.readlink(path)
    return path


def walk(root, ours, prefix=""):
    """Yields (name in the tree, real path) of everything but folders, leaving out the folder `ours`."""
    for name in sorted(os.listdir(root)):
        inside, path = prefix + name, through_view(os.path.join(root, name))
        if inside == ours:
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            yield from walk(path, ours, inside + "/")
        else:
            yield inside, path


def same_content(member, archive, path):
    found = os.lstat(path)
    if member.issym():
        return stat.S_ISLNK(found.st_mode) and os.readlink(path) == member.linkname
    if not stat.S_ISREG(found.st_mode) or found.st_size != member.size:
        return False
    if (found.st_mode ^ member.mode) & stat.S_IXUSR:
        return False
    with open(path, "rb") as file:
        return file.read() == archive.extractfile(member).read()


def differences(tree, tarball, ours="arch/alpine"):
    """Returns a list of lines, one per difference; empty when there is none. Second value: files compared."""
    in_tree = dict(walk(tree, ours))
    found, compared = [], 0
    with tarfile.open(tarball, "r|*") as archive:
        for member in archive:
            if member.isdir():
                continue
            name = member.name.split("/", 1)[1]  # without the tarball's own top folder
            path = in_tree.pop(name, None)
            compared += 1
            if path is None:
                found.append("missing: " + name)
            elif member.islnk():
                found.append("a hard link, which this comparison cannot judge: " + name)
            elif not same_content(member, archive, path):
                found.append("changed: " + name)
    found.extend("extra: " + name for name in in_tree)
    return found, compared
