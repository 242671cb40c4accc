# SPDX-License-Identifier: GPL-2.0
"""openssl's s_client and s_server, one of them under Alpine: a verified handshake, then megabytes both ways at once."""
import hashlib
import os
import subprocess
import threading

from certificates import make_certificate
from lab import ADDRESS, alp, on
from runner import main
from unseen import check_unseen

PORT = 4433
LENGTH = 2_000_000


def feed(process, data):
    process.stdin.write(data)
    process.stdin.flush()  # and stays open: s_server without input would end the connection


def read_exactly(process, length):
    data = b""
    while len(data) < length:
        piece = process.stdout.read1(length - len(data))
        if not piece:
            raise AssertionError("only %d of %d bytes: %s" % (len(data), length, open(process.log).read()))
        data += piece
    return data


def exchange(one, other):
    """Each sends the other lines of its own at the same time; compares hashes."""
    # Hexadecimal digits: s_client would take a line that begins with Q or R for a command.
    texts = [os.urandom(LENGTH // 2).hex().encode() for _ in range(2)]
    writers = [threading.Thread(target=feed, args=(process, text)) for process, text in zip((one, other), texts)]
    received = {}

    def read(name, process):
        received[name] = hashlib.sha256(read_exactly(process, LENGTH)).digest()

    readers = [threading.Thread(target=read, args=(i, process), daemon=True) for i, process in enumerate((other, one))]
    for thread in writers + readers:
        thread.start()
    for thread in readers:
        thread.join(60)
    assert received == {i: hashlib.sha256(text).digest() for i, text in enumerate(texts)}, received.keys()


def both_ways(lab, client_host, server_host):
    certificate, key = make_certificate(lab)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": False}
    for port, version in ((PORT, "-tls1_3"), (PORT + 1, "-tls1_2")):
        server = lab.start_listener(server_host, on(server_host, "openssl", "s_server", "-quiet", "-accept", str(port),
                                                    "-cert", certificate, "-key", key), port, **pipes)
        client = on(client_host, "openssl", "s_client", "-quiet", "-verify_return_error", "-verify_quiet", version,
                    "-CAfile", certificate, "-verify_ip", ADDRESS[server_host],
                    "-connect", "%s:%d" % (ADDRESS[server_host], port))
        exchange(lab.start(client_host, client, **pipes), server)


def test_s_client_exchanges_data_over_tls_1_3_and_1_2(lab):
    both_ways(lab, "a", "b")


def test_s_server_exchanges_data_over_tls_1_3_and_1_2(lab):
    both_ways(lab, "b", "a")


def test_s_client_refuses_a_certificate_it_does_not_trust(lab):
    certificate, key = make_certificate(lab)
    lab.start_listener("b", ["openssl", "s_server", "-quiet", "-accept", str(PORT), "-cert", certificate, "-key", key],
                       PORT)
    done = lab.run("a", alp("openssl", "s_client", "-verify_return_error", "-brief", "-connect",
                            "%s:%d" % (ADDRESS["b"], PORT)), check=False)
    assert done.returncode == 1 and "certificate verify failed" in done.stderr, done


main(check_unseen)
