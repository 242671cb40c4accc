# SPDX-License-Identifier: GPL-2.0
"""An sshd on a lab host with keys and a user of its own, and a client's configuration for it.

A machine's own accounts may be locked or have no shell, so the server gets, in the mount namespace that `ip netns exec`
makes for one command, an /etc/passwd with one more line: a user with the number of the tests' user and a shell.
"""
import subprocess

from lab import ADDRESS, LAB, alp
from payload import UNPRIVILEGED, give_to_user, make_folder

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
MaxStartups 100
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
# The same users for a command of the tests' user's own.
AS_USER = """
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow || exit 1
shift
exec "$@"
"""


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, timeout=30,
                   capture_output=True)


def with_line(lab, name, source, line, mode):
    with open(source) as file:
        lab.write(name, file.read().rstrip("\n") + "\n" + line + "\n", mode)


def make_keys_and_user(lab):
    for name in ("host_key", "user_key"):
        make_key(lab.path(name))
    give_to_user(lab.path("user_key"))
    with_line(lab, "passwd", "/etc/passwd",
              "%s:x:%d:%d::%s:/bin/sh" % (USER, UNPRIVILEGED, UNPRIVILEGED, make_folder(lab, "home")), 0o644)
    with_line(lab, "shadow", "/etc/shadow", "%s:*:19000:0:99999:7:::" % USER, 0o600)


def start_as_user(lab, host, command, port):
    """Starts a server that knows that user, as this user."""
    nested = [LAB, "run", host, "--user", "--", *(alp(*command) if host == "a" else command)]
    return lab.start_listener(host, ["sh", "-c", AS_USER, "sh", lab.tmp, *nested], port, user=False)


def start_unprivileged_sshd(lab, host, port):
    """An sshd of the tests' user, under Alpine on a; for logins of the same user."""
    make_keys_and_user(lab)
    give_to_user(lab.path("host_key"))
    config = SERVER_CONFIG.format(address=ADDRESS[host], port=port, tmp=lab.tmp, user=USER)
    return start_as_user(lab, host, ["/usr/sbin/sshd", "-D", "-e", "-f", lab.write("sshd_config", config)], port)


def start_dropbear(lab, host, port):
    """A dropbear of the tests' user, which looks for keys in the user's home."""
    make_keys_and_user(lab)
    key = lab.path("dropbear_key")
    subprocess.run(["dropbearkey", "-t", "ed25519", "-f", key], check=True, timeout=30, capture_output=True)
    give_to_user(key)
    make_folder(lab, "home/.ssh")
    with open(lab.path("user_key.pub")) as public:
        give_to_user(lab.write("home/.ssh/authorized_keys", public.read()))
    with open(lab.path("host_key.pub"), "w") as public:
        shown = subprocess.run(["dropbearkey", "-y", "-f", key], check=True, capture_output=True, text=True).stdout
        public.write(next(line for line in shown.splitlines() if line.startswith("ssh-")))
    command = ["/usr/sbin/dropbear", "-F", "-E", "-r", key, "-p", "%s:%d" % (ADDRESS[host], port), "-P", "/dev/null",
               "-s"]
    return start_as_user(lab, host, command, port)


def start_sshd(lab, host, port):
    """A root's sshd on the host's kernel."""
    make_keys_and_user(lab)
    lab.write("sshd_config", SERVER_CONFIG.format(address=ADDRESS[host], port=port, tmp=lab.tmp, user=USER))
    return lab.start_listener(host, ["sh", "-c", START, "sh", lab.tmp], port, user=False)


def client_config(lab, address, port):
    with open(lab.path("host_key.pub")) as file:
        lab.write("known_hosts", "[%s]:%d %s" % (address, port, file.read()), 0o644)
    text = CLIENT_CONFIG.format(address=address, port=port, user=USER, tmp=lab.tmp)
    return lab.write("ssh_config", text, 0o644)
