# SPDX-License-Identifier: GPL-2.0
"""rsync over a daemon: a folder of many files there and back, one side under Alpine."""
import os

from lab import ADDRESS, alp, on
from payload import give_to_user, make_file, make_folder, sha256_of
from runner import main
from unseen import check_unseen

PORT = 8730
CONFIG = """
use chroot = no
pid file = {tmp}/rsyncd.pid
lock file = {tmp}/rsyncd.lock
[files]
path = {tmp}/served
read only = no
"""
CLIENT = ["rsync", "-a", "--no-perms", "--no-owner", "--no-group"]


def make_files(lab, folder):
    make_folder(lab, folder)
    make_folder(lab, folder + "/deeper")
    names = ["file%d" % i for i in range(30)] + ["deeper/file%d" % i for i in range(30)]
    return {name: make_file(lab, folder + "/" + name, 1 + i * i * 1000) for i, name in enumerate(names)}


def start_daemon(lab, host):
    config = give_to_user(lab.write("rsyncd.conf", CONFIG.format(tmp=lab.tmp)))
    lab.start_listener(host, on(host, "rsync", "--daemon", "--no-detach", "--config", config, "--port", str(PORT),
                                "--log-file", "/dev/stderr"), PORT)


def check_files(lab, folder, digests):
    found = {name: sha256_of(os.path.join(lab.path(folder), name)) for name in digests}
    assert found == digests


def test_client_sends_to_a_host_kernel_daemon(lab):
    make_folder(lab, "served")
    digests = make_files(lab, "sent")
    start_daemon(lab, "b")
    lab.run("a", alp(*CLIENT, lab.path("sent") + "/", "rsync://%s:%d/files/" % (ADDRESS["b"], PORT)))
    check_files(lab, "served", digests)


def test_client_fetches_from_a_host_kernel_daemon(lab):
    digests = make_files(lab, "served")
    make_folder(lab, "got")
    start_daemon(lab, "b")
    lab.run("a", alp(*CLIENT, "rsync://%s:%d/files/" % (ADDRESS["b"], PORT), lab.path("got") + "/"))
    check_files(lab, "got", digests)


def test_daemon_sends_to_a_host_kernel_client(lab):
    digests = make_files(lab, "served")
    make_folder(lab, "got")
    start_daemon(lab, "a")
    lab.run("b", [*CLIENT, "rsync://%s:%d/files/" % (ADDRESS["a"], PORT), lab.path("got") + "/"])
    check_files(lab, "got", digests)


def test_daemon_receives_from_a_host_kernel_client(lab):
    make_folder(lab, "served")
    digests = make_files(lab, "sent")
    start_daemon(lab, "a")
    lab.run("b", [*CLIENT, lab.path("sent") + "/", "rsync://%s:%d/files/" % (ADDRESS["a"], PORT)])
    check_files(lab, "served", digests)


main(check_unseen)
