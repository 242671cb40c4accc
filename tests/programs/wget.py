# SPDX-License-Identifier: GPL-2.0
"""wget under Alpine fetches from nginx on a host-kernel host: over one kept connection, resumed, over TLS."""
import os

from certificates import make_certificate
from lab import ADDRESS, ADDRESS6, alp
from nginx import nginx_command
from payload import make_file, make_folder, sha256_of
from runner import main
from unseen import check_unseen

PORT = 8080
BASE = "http://%s:%d/" % (ADDRESS["b"], PORT)


def serve(lab, **options):
    lab.start_listener("b", nginx_command(lab, lab.tmp, PORT, **options), PORT)


def test_fetches_files_over_one_kept_connection(lab):
    digests = {name: make_file(lab, name, 1 + i * 40_000) for i, name in enumerate("file%d" % i for i in range(20))}
    serve(lab)
    got = make_folder(lab, "got")
    urls = lab.write("urls", "".join(BASE + name + "\n" for name in digests), 0o644)
    log = lab.run("a", alp("wget", "-P", got, "-i", urls)).stderr
    assert log.count("Reusing existing connection") == len(digests) - 1, log
    for name, digest in digests.items():
        assert sha256_of(os.path.join(got, name)) == digest, name


def test_resumes_a_broken_download(lab):
    digest = make_file(lab, "file", 3_000_000)
    serve(lab)
    got = os.path.join(make_folder(lab, "got"), "file")
    with open(lab.path("file"), "rb") as whole, open(got, "wb") as part:
        part.write(whole.read(1_234_567))
    os.chmod(got, 0o666)
    log = lab.run("a", alp("wget", "-c", "-O", got, BASE + "file")).stderr
    assert "206 Partial Content" in log, log
    assert sha256_of(got) == digest


def test_fetches_over_ipv6_and_tls(lab):
    digest = make_file(lab, "file", 2_000_000)
    tls = make_certificate(lab)
    serve(lab, tls=tls)
    got = os.path.join(make_folder(lab, "got"), "file")
    lab.run("a", alp("wget", "-q", "--ca-certificate", tls[0], "-O", got,
                     "https://[%s]:%d/file" % (ADDRESS6["b"], PORT)))
    assert sha256_of(got) == digest


main(check_unseen)
