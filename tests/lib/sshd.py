# SPDX-License-Identifier: GPL-2.0
"""An sshd on a lab host with keys and a user of its own, and a client's configuration for it.

A machine's own accounts may be locked or have no shell, so the server gets, in the mount namespace that `ip netns exec`
makes for one command, an /etc/passwd with one more line: a user with the number of the tests' user and a shell.
"""
import subprocess

from lab import ADDRESS
from payload import UNPRIVILEGED, give_to_user

USER = "alpine-lab"
SERVER_CONFIG = """
ListenAddress {address}:{port}
HostKey {tmp}/host_key
AuthorizedKeysFile {tmp}/user_key.pub
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
AllowUsers {user}
Subsystem sftp internal-sftp
"""
CLIENT_CONFIG = """
Host server
    HostName {address}
    Port {port}
    User {user}
    IdentityFile {tmp}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {tmp}/known_hosts
    StrictHostKeyChecking yes
    BatchMode yes
"""
# The daemon wants a folder for its unprivileged part; /run is replaced for it, so that nothing is left on the machine.
START = """
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow || exit 1
mount -t tmpfs none /run && mkdir /run/sshd || exit 1
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"
"""


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, timeout=30,
                   capture_output=True)


def with_line(lab, name, source, line, mode):
    with open(source) as file:
        lab.write(name, file.read().rstrip("\n") + "\n" + line + "\n", mode)


def start_sshd(lab, host, port):
    for name in ("host_key", "user_key"):
        make_key(lab.path(name))
    give_to_user(lab.path("user_key"))
    with_line(lab, "passwd", "/etc/passwd",
              "%s:x:%d:%d::%s:/bin/sh" % (USER, UNPRIVILEGED, UNPRIVILEGED, lab.tmp), 0o644)
    with_line(lab, "shadow", "/etc/shadow", "%s:*:19000:0:99999:7:::" % USER, 0o600)
    lab.write("sshd_config", SERVER_CONFIG.format(address=ADDRESS[host], port=port, tmp=lab.tmp, user=USER))
    return lab.start_listener(host, ["sh", "-c", START, "sh", lab.tmp], port, user=False)


def client_config(lab, address, port):
    with open(lab.path("host_key.pub")) as file:
        lab.write("known_hosts", "[%s]:%d %s" % (address, port, file.read()), 0o644)
    text = CLIENT_CONFIG.format(address=address, port=port, user=USER, tmp=lab.tmp)
    return lab.write("ssh_config", text, 0o644)
