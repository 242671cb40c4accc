# SPDX-License-Identifier: GPL-2.0
"""vsftpd, a process for each session and a second connection for each file, opened by either side; 20 curls of host b at
once put files there and get them back."""
import os

from lab import ADDRESS, alp
from payload import give_to_user, make_file, make_folder, sha256_of
from runner import main
from unseen import check_unseen

PORT = 2121
FILES = 20
SIZE = 500_000
CONFIG = """
listen=YES
listen_address=0.0.0.0
listen_port={port}
background=NO
run_as_launching_user=YES
anonymous_enable=YES
no_anon_password=YES
anon_root={tmp}/ftp
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
anon_world_readable_only=NO
write_enable=YES
max_clients=60
max_per_ip=60
connect_from_port_20=NO
pasv_min_port=30000
pasv_max_port=30999
seccomp_sandbox=NO
syslog_enable=NO
xferlog_enable=NO
"""


def start(lab):
    make_folder(lab, "ftp")
    make_folder(lab, "ftp/files")
    os.chmod(lab.path("ftp"), 0o555)  # vsftpd refuses an anonymous root that can be written to
    config = lab.write("vsftpd.conf", CONFIG.format(tmp=lab.tmp, port=PORT))
    # Its configuration must be its user's own. Its filter of system calls knows its own calls, not those of a stack in
    # its process: it is left off.
    return lab.start_listener("a", alp("/usr/sbin/vsftpd", give_to_user(config)), PORT)


def transfer(lab, *options):
    """There and back, all files at once each way."""
    digests = {"file%d" % i: make_file(lab, "file%d" % i, SIZE + i) for i in range(FILES)}
    url = "ftp://%s:%d/files/" % (ADDRESS["a"], PORT)
    parallel = ["curl", "-sS", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", str(FILES),
                "--max-time", "90", *options]
    lab.run("b", [*parallel, *(word for name in digests for word in ("-T", lab.path(name), url + name))], timeout=100)
    assert {name: sha256_of(lab.path("ftp/files/" + name)) for name in digests} == digests
    lab.run("b", [*parallel, *(word for name in digests for word in ("-o", lab.path(name + ".got"), url + name))],
            timeout=100)
    assert {name: sha256_of(lab.path(name + ".got")) for name in digests} == digests
    listed = lab.run("b", ["curl", "-sS", "--fail", "--list-only", *options, url]).stdout.split()
    assert sorted(listed) == sorted(digests), listed


def test_passive_transfers(lab):
    start(lab)
    transfer(lab)


def test_active_transfers(lab):
    start(lab)
    transfer(lab, "--ftp-port", "-")


def test_passive_transfers_over_ipv4_without_extensions(lab):
    start(lab)
    transfer(lab, "--disable-epsv")


main(check_unseen)
