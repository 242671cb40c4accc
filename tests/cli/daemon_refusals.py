# SPDX-License-Identifier: GPL-2.0
"""alpined when it is not permitted what it needs, or is spoken to badly: one clear line, or a counted refusal."""
import os
import re
import subprocess

from lab import REPO, alp, wait_until
from programs import python
from runner import lab_options, main

# Sends messages no client of ours would send; each must be answered or the connection closed, and nothing else.
BAD_MESSAGES = """
import os, socket, struct, sys
def talk(message, fds=()):
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.settimeout(5)
    link.connect('\\0alpined')
    try:
        socket.send_fds(link, [message], list(fds)) if fds else link.send(message)
        answer = link.recv(4096)
    except (ConnectionError, BrokenPipeError):
        answer = b''
    link.close()
    return answer
MAGIC, VERSION = 0x31504c41, int(sys.argv[1])
def header(type, length, magic=MAGIC, version=VERSION):
    return struct.pack('=IHHII', magic, version, type, length, 7)
def refused(answer):
    return answer == b'' or struct.unpack_from('=i', answer, 16)[0] != 0
null = os.open('/dev/null', os.O_RDONLY)
assert refused(talk(b'x'))
assert refused(talk(b'\\xff' * 16))
assert refused(talk(b'\\0' * 2048))
assert refused(talk(b'A' * 60000))
assert refused(talk(header(1, 16)))                            # ATTACH cut short
assert refused(talk(header(1, 4096) + b'x' * 16))              # a length that is not its own
assert refused(talk(header(99, 16)))                           # no such type
assert refused(talk(header(5, 16, magic=1)))
assert refused(talk(header(5, 16, version=99)))
assert refused(talk(header(2, 40) + bytes(24)))                # CLAIM before ATTACH
assert refused(talk(header(2, 40) + bytes(24), [null]))        # not a socket
assert refused(talk(header(2, 40) + bytes(24), [null] * 50))   # many descriptors
print('all refused')
"""
MANY_CONNECTIONS = """
import socket
for _ in range(1000):
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.connect('\\0alpined')
    link.close()
"""
WRONG_DESCRIPTORS = """
import os, socket, struct, sys
link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
link.settimeout(5)
link.connect('\\0alpined')
def ask(type, body, fds=()):
    message = struct.pack('=IHHII', 0x31504c41, int(sys.argv[1]), type, 16 + len(body), 1) + body
    socket.send_fds(link, [message], list(fds)) if fds else link.send(message)
    data, got, flags, address = socket.recv_fds(link, 4096, 4)
    for fd in got:
        os.close(fd)
    return struct.unpack_from('=i', data, 16)[0]
assert ask(1, b'test'.ljust(24, b'\\0')) == 0  # ATTACH: name, any wire
def claim(fd):
    return ask(2, bytes(24), [fd])
unbound, connected, unix = socket.socket(), socket.socket(), socket.socket(socket.AF_UNIX)
listening = socket.create_server(('127.0.0.1', 0))
connected.connect(listening.getsockname())
for name, fd in (('file', os.open('/dev/null', os.O_RDONLY)), ('pipe', os.pipe()[0]), ('unix', unix.fileno()),
                 ('unbound', unbound.fileno()), ('connected', connected.fileno()), ('listening', listening.fileno())):
    assert claim(fd) != 0, name
bound = socket.socket()
bound.bind(('0.0.0.0', 0))
assert claim(bound.fileno()) == 0, 'an honest claim on the same connection'
"""


def protocol_version():
    with open(os.path.join(REPO, "abi", "proxy.h")) as header:
        return re.search(r"^#define ALPINE_PROXY_VERSION (\d+)$", header.read(), re.MULTILINE)[1]


def descriptors(lab):
    return len(lab.run("a", ["ls", "/proc/%s/fd" % lab.daemon("pid")], user=False).stdout.split())


def test_malformed_messages_are_refused_and_counted(lab):
    before = lab.daemon("pid")
    assert lab.run("a", python(BAD_MESSAGES, protocol_version())).stdout.strip() == "all refused"
    assert lab.daemon("pid") == before
    assert "refus" in lab.daemon("log")
    lab.run("a", alp(*python("import socket; socket.socket()")))


def test_wrong_descriptors_are_refused_and_not_kept(lab):
    before = descriptors(lab)
    lab.run("a", python(WRONG_DESCRIPTORS, protocol_version()))
    wait_until(lambda: descriptors(lab) == before, "alpined keeps no descriptor of the client's")


def test_1000_connections_leave_nothing_in_the_daemon(lab):
    before = descriptors(lab)
    lab.run("a", python(MANY_CONNECTIONS))
    wait_until(lambda: descriptors(lab) <= before, "alpined has closed all 1000")


def run_without(lab, *capabilities):
    """alpined on a, without these capabilities."""
    bound = "--bounding-set=" + ",".join("-" + c for c in capabilities)
    return subprocess.run(lab.command("a", ["setpriv", bound, "--inh-caps=-all", "alpined"], user=False),
                          env=lab.environment, capture_output=True, text=True, timeout=20)


def check_one_line(done, *words):
    """Beside the lines of its log, which begin with the time, alpined says one thing, and ends."""
    assert done.returncode == 125, done
    said = [line for line in done.stderr.splitlines() if not line[:1].isdigit()]
    assert len(said) == 1 and said[0].startswith("alpined: "), done.stderr
    assert any(word in said[0] for word in words), done.stderr


@lab_options(daemon=False)
def test_tun_not_permitted(lab):
    check_one_line(run_without(lab, "net_admin"), "TUN", "CAP_NET_ADMIN", "tun")


@lab_options(daemon=False)
def test_bpf_not_permitted(lab):
    check_one_line(run_without(lab, "bpf", "sys_admin"), "BPF", "bpf")


def test_second_daemon_on_one_host(lab):
    done = lab.run("a", ["alpined"], user=False, check=False, timeout=20)
    check_one_line(done, "alpined")


@lab_options(daemon=False)
def test_daemon_as_an_unprivileged_user(lab):
    check_one_line(lab.run("a", ["alpined"], check=False, timeout=20), "root", "alpined")


main()
