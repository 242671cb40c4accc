# SPDX-License-Identifier: GPL-2.0
"""./dev lab: up and down as often as one likes, nothing left behind, nothing of the machine's own touched."""
import os
import shutil
import subprocess
import tempfile

from lab import ADDRESS, ADDRESS6, BUILD, Lab, wait_until
from programs import python
from runner import lab_options, main

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 5001), 5).close()"
LISTEN = """
import socket
listener = socket.create_server(("::", 5001), family=socket.AF_INET6, dualstack_ipv6=True)
print("listening", flush=True)
while True:
    listener.accept()[0].close()
"""


def namespaces():
    return set(subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout.split())


def own_devices():
    return subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.count("\n")


@lab_options(daemon=False)
def test_hosts_reach_each_other_at_once_by_ipv4_and_ipv6(lab):
    server = lab.start("b", python(LISTEN), stdout=subprocess.PIPE)
    assert server.stdout.readline() == "listening\n"
    lab.run("a", python(CONNECT, ADDRESS["b"]))
    lab.run("a", python(CONNECT, ADDRESS6["b"]))


@lab_options(daemon=False)
def test_up_again_makes_it_afresh(lab):
    running = lab.start("a", ["sh", "-c", "echo on the host; exec sleep 60"], stdout=subprocess.PIPE)
    assert running.stdout.readline().strip() == "on the host"
    lab._lab("up", "--no-daemon")
    wait_until(lambda: running.poll() is not None, "what ran on the old hosts has ended")
    assert "10.77.0.1" in lab.run("a", ["ip", "-o", "addr"]).stdout


@lab_options(daemon=False)
def test_down_again_is_no_error(lab):
    lab._lab("down")
    lab._lab("down")


def test_up_and_down_leave_nothing():
    devices = own_devices()
    with Lab() as lab:
        name = lab.environment["ALPINE_LAB"]
        ours = {"alpine-%s-a" % name, "alpine-%s-b" % name}
        folder = "/run/alpine-lab-" + name
        assert own_devices() == devices
        assert ours <= namespaces()
        assert os.path.exists(folder)
    assert own_devices() == devices
    assert not ours & namespaces()
    assert not os.path.exists(folder)


def test_unprivileged_user_reaches_a_build_folder_in_a_private_home(lab):
    home = tempfile.mkdtemp(prefix="alpine-private-")  # mode 0700
    try:
        shutil.copytree(os.path.join(BUILD, "bin"), os.path.join(home, "build", "bin"))
        os.mkdir(os.path.join(home, "build", "lib"))
        done = lab.run("a", ["alp", "ps"], env={"ALPINE_BUILD": os.path.join(home, "build")})
        assert "PID" in done.stdout
    finally:
        shutil.rmtree(home)


main()
