# SPDX-License-Identifier: GPL-2.0
"""A certificate and its key for both lab hosts, made for one test, which trusts nothing else."""
import os
import subprocess

from lab import ADDRESS, ADDRESS6

NAMES = ",".join("IP:" + address for host in "ab" for address in (ADDRESS[host], ADDRESS6[host]))


def make_certificate(lab):
    """Returns the paths of certificate and key."""
    certificate, key = lab.path("certificate.pem"), lab.path("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=alpine lab", "-addext", "subjectAltName=" + NAMES,
                    "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=30)
    for path in (certificate, key):
        os.chmod(path, 0o644)
    return certificate, key
