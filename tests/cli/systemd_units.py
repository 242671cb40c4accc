# SPDX-License-Identifier: GPL-2.0
"""The units for systemd under a real one: activation, reload, restarts under traffic, the sandbox, and the end."""
import difflib
import os
import re
import shutil
import signal
import subprocess

from lab import ADDRESS, REPO, wait_until
from programs import ECHO_SERVER, PYTHON, python
from runner import lab_options, main
from systemd import PREFIX, Systemd, write

ATTACH = python("import socket; socket.socket(); print('attached')")
PORT = 7000
EXPOSURE = 29  # tenths; what is left is that it is root, has these capabilities, and is on the host's network
KILLS = 7      # more than systemd lets a service have in 10 s where its unit does not say otherwise

# Sends blocks to an echo server and compares what comes back, until the file is there; how many came back stands in another.
TRANSFER = """
import os, socket, sys
address, port, stop, count = sys.argv[1:]
link = socket.create_connection((address, int(port)))
link.settimeout(10)
done = 0
while not os.path.exists(stop):
    block = os.urandom(32768)
    link.sendall(block)
    back = b""
    while len(back) < len(block):
        back += link.recv(len(block) - len(back)) or sys.exit("end of file")
    if back != block:
        sys.exit("other data came back")
    done += 1
    with open(count + ".new", "w") as file:
        file.write(str(done))
    os.rename(count + ".new", count)
print("done", flush=True)
"""
# Echoes on one connection; before that, has a word with its own server.
SERVER = """
import socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.connect((sys.argv[2], 9))
print("listening", flush=True)
link, _ = listener.accept()
while data := link.recv(65536):
    link.sendall(data)
"""
ASKER = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
link.settimeout(10)
for line in sys.stdin:
    link.sendall(b"hello")
    print(link.recv(5).decode(), flush=True)
"""


def alp_run(*command, wire=None):
    return ["alp", "run", *(["--wire", wire] if wire else []), "--", *command]


def enable(machine):
    machine.systemctl("enable", "--now", "alpined.socket")


def started(machine):
    """alpined, started by systemd by now."""
    enable(machine)
    machine.systemctl("start", "alpined.service")
    return machine.daemon()


def tell(process, word=""):
    process.stdin.write(word + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def other_daemon(machine, before):
    wait_until(lambda: machine.property("alpined.service", "ActiveState") == "active" and
               machine.daemon() not in (None, before), "systemd has started another alpined")
    return machine.daemon()


@lab_options(daemon=False)
def test_systemd_finds_nothing_wrong_with_them(lab):
    with Systemd(lab) as machine:
        own_units_first = ["env", "SYSTEMD_UNIT_PATH=%s/lib/systemd/system:" % PREFIX]
        verified = machine.run([*own_units_first, "systemd-analyze", "verify", "--man=no", "--recursive-errors=yes",
                                "alpined.service", "alpined.socket"])
        assert verified.stdout + verified.stderr == "", verified
        judged = machine.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=%d" % EXPOSURE,
                              PREFIX + "/lib/systemd/system/alpined.service"], check=False)
        assert judged.returncode == 0, judged.stdout
        print(judged.stdout.strip().splitlines()[-1])


@lab_options(daemon=False)
def test_the_first_client_starts_alpined(lab):
    with Systemd(lab) as machine:
        enable(machine)
        assert "@alpined" in lab.run("a", ["ss", "-Hxl"], user=False).stdout
        assert machine.property("alpined.service", "ActiveState") == "inactive" and machine.daemon() is None
        assert machine.run(alp_run(*ATTACH), user=True).stdout.strip() == "attached"
        assert machine.property("alpined.service", "ActiveState") == "active" and machine.daemon() is not None


@lab_options(daemon=False)
def test_reload_reads_the_policy_again(lab):
    with Systemd(lab) as machine:
        policy = machine.folder + "/default/policy.toml"
        shutil.copy(machine.installed("share/alpine/policy.toml"), policy)
        write(machine.folder + "/default/alpined", 'ALPINED_OPTIONS="--policy /etc/default/policy.toml"\n')
        enable(machine)
        assert machine.run(alp_run(*ATTACH), user=True).stdout.strip() == "attached"
        daemon = machine.daemon()
        write(policy, '[users]\ndeny = ["nobody"]\n')
        machine.systemctl("reload", "alpined")
        wait_until(lambda: "the policy has been read again" in machine.log(), "alpined has read its policy")
        refused = machine.run(alp_run(*ATTACH), user=True, check=False)
        assert refused.returncode == 125 and "policy does not allow user" in refused.stderr, refused.stderr
        assert machine.daemon() == daemon


@lab_options(daemon=False)
def test_no_connection_is_lost_by_restarts_and_kills(lab):
    with Systemd(lab) as machine:
        daemon = started(machine)
        lab.start_listener("b", python(ECHO_SERVER, PORT), PORT)
        stop, count = lab.path("stop"), lab.path("count")
        transfer = machine.start(alp_run(*python(TRANSFER, ADDRESS["b"], PORT, stop, count), wire="steer"),
                                 stdout=subprocess.PIPE)
        idle, asker = start_server(lab, machine, "classic", PORT + 1)

        def blocks():
            return int(open(count).read()) if os.path.exists(count) else 0

        def goes_on():
            seen = blocks()
            wait_until(lambda: blocks() > seen + 5, "the transfer goes on")

        goes_on()
        for _ in range(2):
            machine.systemctl("restart", "alpined")
            daemon = other_daemon(machine, daemon)
            goes_on()
        for _ in range(KILLS):
            os.kill(daemon, signal.SIGKILL)
            daemon = other_daemon(machine, daemon)
            goes_on()
        wait_until(lambda: len(stacks(machine)) == 2, "both stacks are known to the last alpined")
        assert tell(asker) == "hello"
        open(stop, "w").close()
        assert transfer.stdout.readline().strip() == "done", open(transfer.log).read()
        assert idle.poll() is None


def stacks(machine):
    return machine.run(["alp", "ps"]).stdout.splitlines()[1:]


def start_server(lab, machine, wire, port):
    """On host a, with a client on b."""
    server = machine.start(alp_run(*python(SERVER, port, ADDRESS["b"]), wire=wire), stdout=subprocess.PIPE)
    assert server.stdout.readline().strip() == "listening", open(server.log).read() + machine.log()
    asker = lab.start("b", python(ASKER, ADDRESS["a"], port), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert tell(asker) == "hello", open(server.log).read()
    return server, asker


def probe(machine, name, sandbox):
    """What sandbox_probe.py is let do in a service with these settings."""
    out = machine.lab.path(name)
    ipc = os.readlink("/proc/%d/ns/ipc" % machine.pid)
    unit = ["[Service]", "Type=oneshot", "ExecStart=%s %s/sandbox_probe.py /opt %s" % (PYTHON, PREFIX, ipc),
            "StandardOutput=file:" + out, "StandardError=file:%s.errors" % out, *sandbox]
    write("%s/units/%s.service" % (machine.folder, name), "\n".join(unit) + "\n")
    machine.systemctl("daemon-reload")
    done = machine.systemctl("start", name, check=False)
    lines = open(out).read().splitlines() if os.path.exists(out) else []
    assert lines[-1:] == ["end"], (done.stderr, lines, open(out + ".errors").read())
    return set(lines[:-1])


def sandbox_of(unit):
    """The settings of a service but how it is started, and restarted."""
    lines = unit.split("[Service]")[1].split("[Install]")[0].splitlines()
    return [line for line in lines if not re.match("#|Type=|Exec|Restart|EnvironmentFile=", line)]


@lab_options(daemon=False)
def test_the_sandbox_forbids_what_alpined_need_not_do(lab):
    with Systemd(lab) as machine:
        shutil.copy(os.path.join(REPO, "tests/lib/sandbox_probe.py"), machine.installed(""))
        machine.run(["sh", "-c", "mknod /opt/kmsg c 1 11 && touch /home/one /root/one /tmp/one"])
        machine.start(["sleep", "60"])
        everything = probe(machine, "free", [])
        optional = {"have a socket of another family", "have a real-time priority"}  # as the kernel is configured
        attempts = set(re.findall(r'^    "(.*?)": ', open(machine.installed("sandbox_probe.py")).read(), re.M))
        assert len(attempts) > 30 and attempts - everything <= optional, attempts - everything
        unit = open(machine.installed("lib/systemd/system/alpined.service")).read()
        let = probe(machine, "confined", sandbox_of(unit))
        assert let == set(), let


@lab_options(daemon=False)
def test_alpined_serves_both_wires_within_the_sandbox(lab):
    with Systemd(lab) as machine:
        daemon = started(machine)
        for number, wire in enumerate(("steer", "classic")):
            server, asker = start_server(lab, machine, wire, PORT + number)
            assert tell(asker) == "hello"
        assert len(stacks(machine)) == 2, stacks(machine)
        status = dict(line.rstrip("\n").split(":\t") for line in open("/proc/%d/status" % daemon) if ":\t" in line)
        assert int(status["Seccomp_filters"]) > 1 and status["NoNewPrivs"] == "1", status
        assert int(status["CapBnd"], 16) == 0
        mounts = [line.split() for line in open("/proc/%d/mountinfo" % daemon)]
        assert [fields[5].split(",")[0] for fields in mounts if fields[4] == "/"][-1] == "ro"
        # In a /dev of its own: the TUN device, and none of the host's others.
        assert os.path.exists("/proc/%d/root/dev/net/tun" % daemon)
        assert not os.path.exists("/proc/%d/root/dev/console" % daemon)
        assert "error" not in machine.log() and "warning" not in machine.log(), machine.log()


def left_over(lab):
    """What an alpined makes, on host a."""
    look = ("tc qdisc show; for d in lo eth0; do tc filter show dev $d ingress; done; ip -br link; nft list tables; "
            "ss -Hxl | grep @alpined; sysctl -a --pattern 'conf.(all|default|eth0|lo)'")
    return lab.run("a", ["sh", "-c", look], user=False).stdout


def maps(lab):
    """The numbers of the maps that the steering on host a's eth0 holds."""
    shown = lab.run("a", ["tc", "filter", "show", "dev", "eth0", "ingress"], user=False).stdout
    program = re.search(r" id (\d+)", shown).group(1)
    return re.findall(r"\d+", re.search("map_ids ([0-9,]+)", bpftool("prog", program).stdout).group(1))


def bpftool(kind, number):
    return subprocess.run(["/usr/sbin/bpftool", kind, "show", "id", number], capture_output=True, text=True, timeout=20)


@lab_options(daemon=False)
def test_stopped_and_uninstalled_it_leaves_nothing(lab):
    with Systemd(lab) as machine:
        lab.run("a", ["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=0"], user=False)
        before = left_over(lab)
        started(machine)
        for number, wire in enumerate(("steer", "classic")):
            start_server(lab, machine, wire, PORT + number)
        numbers = maps(lab)
        assert len(numbers) > 1 and bpftool("map", numbers[0]).returncode == 0
        machine.systemctl("disable", "--now", "alpined.socket", "alpined.service")
        assert machine.daemon() is None and machine.property("alpined.service", "Result") == "success"
        assert len(lab.tuns()) == 1  # of a stack that lives on
        machine.run(["alpined", "--uninstall"])
        assert left_over(lab) == before, "\n".join(difflib.unified_diff(before.split("\n"), left_over(lab).split("\n")))
        wait_until(lambda: all(bpftool("map", number).returncode != 0 for number in numbers), "its maps are gone")


main()
