# SPDX-License-Identifier: GPL-2.0
"""`cmake --install`: what it brings, that it works without the build folder, and that its list of files takes it away."""
import os
import tempfile

from installed import install
from lab import ADDRESS, BUILD, UNPRIVILEGED, wait_until
from programs import PYTHON
from runner import lab_options, main

FILES = {
    "bin/alp",
    "bin/alpined",
    "lib/alpine/stack-linux-6.12.so",
    "lib/libalpine.a",
    "lib/libalpine.so",
    "lib/pkgconfig/alpine.pc",
    "lib/systemd/system/alpined.service",
    "lib/systemd/system/alpined.socket",
    "share/alpine/policy.toml",
}


def files_below(folder):
    return {os.path.relpath(os.path.join(path, name), folder) for path, _, names in os.walk(folder) for name in names}


def test_brings_what_it_says_and_its_list_takes_that_away():
    with tempfile.TemporaryDirectory() as root:
        listed = install("/usr/local", root)
        assert files_below(root) == {"usr/local/" + file for file in FILES}, files_below(root)
        unit = open(root + "/usr/local/lib/systemd/system/alpined.service").read()
        assert "\nExecStart=/usr/local/bin/alpined" in unit and BUILD not in unit, unit
        assert "\nlibdir=/usr/local/lib\n" in open(root + "/usr/local/lib/pkgconfig/alpine.pc").read()
        for path in listed:
            os.unlink(root + path)
        assert files_below(root) == set()


def without_the_build(*command):
    """In a mount namespace where the build folder is empty."""
    return ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"', BUILD, *command]


@lab_options(daemon=False)
def test_works_from_its_prefix_with_the_build_folder_out_of_the_way(lab):
    prefix = lab.path("prefix")
    install(prefix)
    lab.write("page", "a page\n", 0o644)
    lab.start_listener("b", [PYTHON, "-m", "http.server", "--directory", lab.tmp, "8000"], 8000)
    policy = prefix + "/share/alpine/policy.toml"
    daemon = lab.start("a", without_the_build(prefix + "/bin/alpined", "--policy", policy), user=False)
    wait_until(lambda: "alpined serves" in open(daemon.log).read(), "alpined serves")
    user = ["setpriv", "--reuid=%d" % UNPRIVILEGED, "--regid=%d" % UNPRIVILEGED, "--clear-groups"]
    url = "http://%s:8000/page" % ADDRESS["b"]
    page = lab.run("a", without_the_build(*user, prefix + "/bin/alp", "run", "--", "curl", "-s", url), user=False)
    assert page.stdout == "a page\n", page
    assert "(uid %d): stack on alp" % UNPRIVILEGED in open(daemon.log).read(), open(daemon.log).read()


main()
