# SPDX-License-Identifier: GPL-2.0
"""Which wires a daemon offers, and what a program is told that wants another."""
import os
import signal

from lab import alp, wait_until
from programs import python
from refusals import check_refusal
from runner import main

TOUCH_STACK = ["/usr/bin/python3", "-c", "import socket; socket.socket()"]

SHARE = """
import errno, socket, sys, time
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
try:
    link.bind(("", 7950))
    print("bound", flush=True)
    time.sleep(60 if sys.argv[1] == "hold" else 0)
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def restart(lab, *options):
    lab.daemon("stop")
    lab.daemon("start", "a", *options)


def wire_in_use(lab, *options):
    look = "import socket, subprocess; socket.socket(); print(subprocess.run(['alp', 'ps'], env={'PATH': '%s'}, " \
           "capture_output=True, text=True).stdout)" % lab.run("a", ["sh", "-c", "echo $PATH"]).stdout.strip()
    shown = lab.run("a", alp("/usr/bin/python3", "-c", look, options=options)).stdout.splitlines()
    return shown[1].split()[3].rstrip("0123456789")


def test_without_a_wish_it_is_the_first_that_the_daemon_offers(lab):
    assert wire_in_use(lab) == "alp"
    restart(lab, "--wire", "classic,steer")
    assert wire_in_use(lab) == "classic"
    assert wire_in_use(lab, "--wire", "steer") == "alp"


def test_wire_that_the_daemon_does_not_offer_is_refused_with_the_remedy(lab):
    for offered, wanted in (("steer", "classic"), ("classic", "steer")):
        restart(lab, "--wire", offered)
        done = lab.run("a", alp(*TOUCH_STACK, options=["--wire", wanted]), check=False)
        check_refusal(done, 125, wanted + " wire", "alpined --wire " + wanted)
        lab.run("a", alp(*TOUCH_STACK))
        lab.run("a", alp(*TOUCH_STACK, options=["--wire", offered]))


def test_classic_alone_touches_no_device_of_the_host(lab):
    restart(lab, "--wire", "classic")
    lab.run("a", alp(*TOUCH_STACK))
    assert "clsact" not in lab.run("a", ["tc", "qdisc", "show"], user=False).stdout


def test_classic_alone_is_refused_beside_steering_that_was_left_behind(lab):
    restart(lab)
    lab.run("a", alp(*TOUCH_STACK))
    pid = int(lab.daemon("pid"))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not os.path.exists("/proc/%d" % pid), "alpined is gone")
    refused = lab.run("a", ["alpined", "--wire", "classic"], user=False, check=False)
    check_refusal(refused, 125, "steer wire", "alpined --uninstall")
    lab.run("a", ["alpined", "--uninstall"], user=False)
    lab.daemon("start", "a", "--wire", "classic")
    lab.run("a", alp(*TOUCH_STACK))


def test_wire_that_does_not_exist_is_refused(lab):
    done = lab.run("a", ["alpined", "--wire", "token-ring"], user=False, check=False)
    check_refusal(done, 125, "token-ring")
    done = lab.run("a", TOUCH_STACK, check=False, env={
        "ALPINE_WIRE": "token-ring", "LD_PRELOAD": lab.run("a", ["sh", "-c", "dirname $(dirname $(command -v alp))"])
        .stdout.strip() + "/lib/libalpine.so"})
    check_refusal(done, 125, "ALPINE_WIRE", "token-ring")


def test_stacks_share_an_endpoint_on_one_wire_alone(lab):
    first, second, other = (["--wire", wire] for wire in ("steer", "steer", "classic"))
    holder = lab.start("a", alp(*python(SHARE, "hold"), options=first))
    wait_until(lambda: "bound" in open(holder.log).read(), "the first is bound", timeout=20)
    assert lab.run("a", alp(*python(SHARE, "try"), options=second)).stdout == "bound\n"
    assert lab.run("a", alp(*python(SHARE, "try"), options=other)).stdout == "EADDRINUSE\n"
    assert "udp 0.0.0.0:7950 is claimed by a stack on another wire" in lab.daemon("log")


main()
