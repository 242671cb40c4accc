# SPDX-License-Identifier: GPL-2.0
"""nginx under Alpine beyond plain files: kept connections, TLS, and as a proxy, client and server in one process."""
from certificates import make_certificate
from lab import ADDRESS, alp
from nginx import nginx_command
from payload import make_file, sha256_of
from runner import main
from unseen import check_unseen

PORT = 8080
HOST_AND_PORT = "%s:%d" % (ADDRESS["a"], PORT)


def test_serves_several_requests_on_one_connection(lab):
    digest = make_file(lab, "file", 100_000)
    lab.start_listener("a", alp(*nginx_command(lab, lab.tmp, PORT)), PORT)
    url = "http://%s/file" % HOST_AND_PORT
    targets = [word for i in range(5) for word in ("-o", lab.path("got%d" % i), url)]
    opened = lab.run("b", ["curl", "-sS", "--fail", "-w", "%{num_connects}\n", *targets]).stdout.split()
    assert opened == ["1", "0", "0", "0", "0"], opened
    for i in range(5):
        assert sha256_of(lab.path("got%d" % i)) == digest


def test_serves_over_tls(lab):
    digest = make_file(lab, "file", 4_000_000)
    tls = make_certificate(lab)
    lab.start_listener("a", alp(*nginx_command(lab, lab.tmp, PORT, tls=tls)), PORT)
    lab.run("b", ["curl", "-sS", "--fail", "--cacert", tls[0], "-o", lab.path("got"),
                  "https://%s/file" % HOST_AND_PORT])
    assert sha256_of(lab.path("got")) == digest


def test_proxies_to_another_host(lab):
    digest = make_file(lab, "file", 4_000_000)
    lab.start_listener("b", nginx_command(lab, lab.tmp, PORT + 1), PORT + 1)
    proxy = "location / { proxy_pass http://%s:%d; }" % (ADDRESS["b"], PORT + 1)
    lab.start_listener("a", alp(*nginx_command(lab, lab.tmp, PORT, more=proxy)), PORT)
    parallel = ["--parallel", "--parallel-immediate", "--parallel-max", "20"]
    url = "http://%s/file" % HOST_AND_PORT
    targets = [word for i in range(20) for word in ("-o", lab.path("got%d" % i), url)]
    lab.run("b", ["curl", "-sS", "--fail", *parallel, *targets])
    for i in range(20):
        assert sha256_of(lab.path("got%d" % i)) == digest


main(check_unseen)
