# SPDX-License-Identifier: GPL-2.0
"""alpined's own life: what it reads again, what it is passed, what it gives up, and what it refuses a greedy user."""
import os
import signal
import subprocess
import time

from lab import alp, wait_until
from runner import lab_options, main

ATTACH = ["/usr/bin/python3", "-c", "import socket; socket.socket(); print('attached')"]
# Binds ports one after the other until one is refused; says how many were granted and how the refusal reads.
BIND_MANY = """
import errno, socket, sys
kept = []
try:
    for port in range(2000, 2100):
        kept.append(socket.socket())
        kept[-1].bind(("0.0.0.0", port))
except OSError as error:
    print(len(kept) - 1, errno.errorcode[error.errno])
"""


def start_with_policy(lab, text):
    path = lab.write("policy.toml", text, 0o644)
    lab.daemon("start", "a", "--policy", path)
    return path


def reload(lab, path, text):
    with open(path, "w") as file:
        file.write(text)
    seen = len(lab.daemon("log"))
    os.kill(int(lab.daemon("pid")), signal.SIGHUP)
    wait_until(lambda: "policy" in lab.daemon("log")[seen:], "alpined has read its policy")
    return lab.daemon("log")[seen:]


@lab_options(daemon=False)
def test_sighup_reads_the_policy_again_and_a_broken_one_changes_nothing(lab):
    path = start_with_policy(lab, "")
    assert lab.run("a", alp(*ATTACH)).stdout.strip() == "attached"
    said = reload(lab, path, "[users]\ndeny = [nobody\n")
    assert "the policy stays as it is" in said and "policy.toml:2" in said, said
    assert lab.run("a", alp(*ATTACH)).stdout.strip() == "attached"
    reload(lab, path, '[users]\ndeny = ["nobody"]\n')
    refused = lab.run("a", alp(*ATTACH), check=False)
    assert refused.returncode == 125 and "policy does not allow user" in refused.stderr, refused.stderr


@lab_options(daemon=False)
def test_a_greedy_user_is_refused_and_the_log_says_so(lab):
    start_with_policy(lab, "[limits.user.nobody]\nports = 5\n")
    assert lab.run("a", alp("/usr/bin/python3", "-c", BIND_MANY)).stdout.split() == ["5", "ENOBUFS"]
    assert "user 65534 has 5 ports, as many as alpined's policy allows" in lab.daemon("log")


def test_the_host_is_as_it_was_when_there_is_no_stack(lab):
    """Nothing of alpined is in the way of the host's packets before the first stack, and some seconds after the last."""
    def look():
        return lab.run("a", ["sh", "-c", "tc qdisc show; sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.eth0.rp_filter "
                                         "net.ipv4.conf.eth0.accept_local"], user=False).stdout
    before = look()
    assert "clsact" not in before
    for _ in range(2):
        lab.run("a", alp(*ATTACH))
        assert "clsact" in look()
        wait_until(lambda: look() == before, "steering has gone", timeout=20)


@lab_options(daemon=False)
def test_no_more_stacks_than_allowed(lab):
    start_with_policy(lab, "[limits]\nstacks = 1\n")
    first = lab.start("a", alp("/usr/bin/python3", "-c", "import socket; socket.socket(); print(1, flush=True); input()"),
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert first.stdout.readline().strip() == "1"
    refused = lab.run("a", alp(*ATTACH), check=False)
    assert refused.returncode == 125 and "has 1 stacks" in refused.stderr, refused.stderr
    lab.stop(first)


def test_alpined_keeps_five_capabilities_and_a_filter_of_calls(lab):
    def status_of(pid):
        return dict(line.split(":\t") for line in open("/proc/%s/status" % pid).read().splitlines() if ":\t" in line)
    pid = lab.daemon("pid")
    # It listens first, and gives its rights up before it serves the first client.
    wait_until(lambda: status_of(pid)["Seccomp"].strip() == "2", "alpined has given up its rights", timeout=10)
    status = status_of(pid)
    kept = sum(1 << capability for capability in (0, 10, 12, 13, 39))  # CHOWN, NET_BIND_SERVICE, NET_ADMIN, NET_RAW, BPF
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == kept, status["CapEff"]
    assert int(status["CapBnd"], 16) == 0 and int(status["CapInh"], 16) == 0
    assert status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1"


# What systemd does: listens, and starts alpined with the socket as descriptor 3, again and again.
ACTIVATOR = r"""
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind("\0alpined")
listener.listen(16)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
print("listening", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        os.execvp("alpined", ["alpined"])
    print(pid, flush=True)
    os.waitpid(pid, 0)
"""


@lab_options(daemon=False)
def test_a_socket_passed_on_is_served_and_clients_wait_for_alpined_at_it(lab):
    manager = lab.start("a", ["/usr/bin/python3", "-c", ACTIVATOR], user=False, stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE)
    assert manager.stdout.readline().strip() == "listening"
    waiting = lab.start("a", alp(*ATTACH), stdout=subprocess.PIPE)
    time.sleep(0.5)
    assert waiting.poll() is None
    for _ in range(2):
        manager.stdin.write("\n")
        manager.stdin.flush()
        pid = int(manager.stdout.readline())
        assert lab.run("a", alp(*ATTACH)).stdout.strip() == "attached"
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not os.path.exists("/proc/%d" % pid), "alpined is gone")
    assert waiting.stdout.readline().strip() == "attached"
    manager.stdin.close()


main()
