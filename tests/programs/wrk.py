# SPDX-License-Identifier: GPL-2.0
"""wrk and nginx, one of them under Alpine: many requests, no error, every answer whole."""
import re

from lab import ADDRESS, on
from nginx import nginx_command
from payload import make_file
from runner import main
from unseen import check_unseen

PORT = 8080
SIZE = 20_000


def check(lab, client_host, server_host):
    make_file(lab, "file", SIZE)
    lab.start_listener(server_host, on(server_host, *nginx_command(lab, lab.tmp, PORT)), PORT)
    command = ["wrk", "-t", "2", "-c", "50", "-d", "2s", "http://%s:%d/file" % (ADDRESS[server_host], PORT)]
    shown = lab.run(client_host, on(client_host, *command)).stdout
    assert "Socket errors" not in shown and "Non-2xx" not in shown, shown
    found = re.search(r"(\d+) requests in [\d.]+m?s, ([\d.]+)(KB|MB|GB) read", shown)
    assert found, shown
    requests, read = int(found[1]), float(found[2]) * {"KB": 2**10, "MB": 2**20, "GB": 2**30}[found[3]]
    # At least one answer for each connection. wrk counts the bytes of unfinished answers too, and rounds.
    assert requests >= 50, shown
    assert read > 0.98 * requests * SIZE, shown


def test_wrk_drives_a_host_kernel_nginx(lab):
    check(lab, "a", "b")


def test_nginx_is_driven_by_wrk_of_a_host_kernel(lab):
    check(lab, "b", "a")


main(check_unseen)
