# SPDX-License-Identifier: GPL-2.0
"""Builds the kernel's own test programs from the tree the stack is built from, by the tree's own makefiles.

Nothing is written into the tree: programs go to build/conformance/selftests, the kernel headers they want (which take
half a minute to make) beside the unpacked tree in the cache.
"""
import os
import re
import shutil
import subprocess

from lab import BUILD
from sides import OUTPUT

PROGRAMS = os.path.join(OUTPUT, "selftests")
FOLDERS = ("net", "net/mptcp", "net/af_unix")

# tls.c of 6.12.117 passes tls_crypto_info_init() an argument (for the rekey tests, of a later Linux) that its own
# definition does not have: a mistake of the stable branch. As a macro the name takes it and drops it.
EXTRA_FLAGS = {
    "net/tls": "-D'tls_crypto_info_init(version,type,keys,...)=tls_crypto_info_init(version,type,keys)'",
    "net/reuseport_bpf_numa": "-include stdbool.h",  # uses bool without it
}


def kernel_tree():
    """The pristine tree: the view's folders lead into it."""
    images = os.path.realpath(os.path.join(BUILD, "lib", "alpine"))
    view = os.path.join(images, "..", "..", "stack", "linux-6.12", "src")
    return os.path.dirname(os.path.realpath(os.path.join(view, "Documentation")))


def source(path):
    """Where a file of the tree's tests lies."""
    return os.path.join(kernel_tree(), "tools", "testing", "selftests", path)


def make(folder, *words):
    done = subprocess.run(["make", "-k", "-j2", "-C", folder, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=600)
    return done.returncode, done.stdout


def kernel_headers(tree):
    """The folder to include <linux/...> of that very kernel from; made once, then kept in the cache."""
    kept = tree + "-headers"
    if not os.path.isdir(kept):
        making = "%s.%d" % (kept, os.getpid())
        code, said = make(tree, "O=" + making, "ARCH=x86", "headers_install", "INSTALL_HDR_PATH=%s/usr" % making)
        assert code == 0, said[-3000:]
        os.rename(os.path.join(making, "usr"), kept)
        shutil.rmtree(making)
    return os.path.join(kept, "include")


def listed_programs():
    """Every C program that the makefiles of the tree build in our folders, as folder/name."""
    names = set()
    for folder in FOLDERS:
        path = source(folder)
        with open(os.path.join(path, "Makefile")) as file:
            lines = re.findall(r"^(?:TEST_GEN_(?:FILES|PROGS)|YNL_GEN_FILES)\s*[+:]?=\s*(.*)$", file.read(), re.M)
        words = {word for line in lines for word in line.split()}
        names |= {"%s/%s" % (folder, w) for w in words if os.path.exists(os.path.join(path, w + ".c"))}
    return names


def build(programs):
    """Builds them (folder/name). Returns {program: what make said} of those that do not build."""
    tree, failed = kernel_tree(), {}
    include = kernel_headers(tree)
    flags = ["CC=ccache gcc", "KHDR_INCLUDES=-isystem " + include]
    for group in sorted({(os.path.dirname(p), EXTRA_FLAGS.get(p, "")) for p in programs}):
        folder, extra = group
        output = os.path.join(PROGRAMS, folder)
        os.makedirs(output, exist_ok=True)
        wanted = [p for p in programs if (os.path.dirname(p), EXTRA_FLAGS.get(p, "")) == group]
        targets = [os.path.join(PROGRAMS, p) for p in wanted]
        _, said = make(source(folder), "OUTPUT=" + output,
                       "USERCFLAGS=" + extra, *flags, *targets)
        failed.update((p, said[-4000:]) for p, target in zip(wanted, targets) if not os.path.exists(target))
    return failed
