# SPDX-License-Identifier: GPL-2.0
"""Python's asyncio, selectors, ssl and http.server, as server and as client, the other side on a host kernel."""
from certificates import make_certificate
from lab import ADDRESS, alp, on
from payload import make_file
from programs import ASYNC_CLIENTS, ECHO_CLIENTS, ECHO_SERVER, SELECTOR_SERVER, python
from runner import main
from tls_programs import TLS_ASYNC_CLIENTS, TLS_ASYNC_SERVER, TLS_THREADED_CLIENTS, TLS_THREADED_SERVER
from unseen import check_unseen

PORT = 7000
CONNECTIONS = 500
# http_clients.py ADDRESS PORT PATH COUNT ROUNDS LENGTH: threads that each keep one connection.
HTTP_CLIENTS = """
import concurrent.futures, http.client, sys
address, port, path, count, rounds, length = sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:])
def client(i):
    link = http.client.HTTPConnection(address, port, timeout=30)
    for _ in range(rounds):
        link.request("GET", path)
        answer = link.getresponse()
        assert answer.status == 200 and len(answer.read()) == length, i
with concurrent.futures.ThreadPoolExecutor(count) as pool:
    list(pool.map(client, range(count)))
"""


def check_async(lab, client_host, server_host):
    lab.start_listener(server_host, on(server_host, *python(ECHO_SERVER, PORT)), PORT)
    clients = python(ASYNC_CLIENTS, ADDRESS[server_host], PORT, CONNECTIONS, 10)
    assert lab.run(client_host, on(client_host, *clients)).stdout.startswith("all 5000 answers")


def test_asyncio_server_serves_500_connections(lab):
    check_async(lab, "b", "a")


def test_asyncio_client_holds_500_connections(lab):
    check_async(lab, "a", "b")


def check_selector(lab, name):
    lab.start_listener("a", alp(*python(SELECTOR_SERVER, PORT, name)), PORT)
    lab.run("b", python(ECHO_CLIENTS, ADDRESS["a"], PORT, 100, 10))


def test_epoll_selector_serves_100_connections(lab):
    check_selector(lab, "EpollSelector")


def test_poll_selector_serves_100_connections(lab):
    check_selector(lab, "PollSelector")


def test_select_selector_serves_100_connections(lab):
    check_selector(lab, "SelectSelector")


def check_tls(lab, client_host, server_host, server, clients):
    certificate, key = make_certificate(lab)
    lab.start_listener(server_host, on(server_host, *python(server, PORT, certificate, key)), PORT)
    command = python(clients, ADDRESS[server_host], PORT, certificate, 20, 300_000)
    assert lab.run(client_host, on(client_host, *command)).stdout.strip() == "all 20 right"


def test_ssl_server_with_threads_echoes_to_20_clients(lab):
    check_tls(lab, "b", "a", TLS_THREADED_SERVER, TLS_THREADED_CLIENTS)


def test_ssl_client_with_threads_opens_20_connections(lab):
    check_tls(lab, "a", "b", TLS_THREADED_SERVER, TLS_THREADED_CLIENTS)


def test_asyncio_ssl_server_echoes_to_20_clients(lab):
    check_tls(lab, "b", "a", TLS_ASYNC_SERVER, TLS_ASYNC_CLIENTS)


def test_asyncio_ssl_client_opens_20_connections(lab):
    check_tls(lab, "a", "b", TLS_ASYNC_SERVER, TLS_ASYNC_CLIENTS)


def check_http(lab, client_host, server_host):
    make_file(lab, "file", 50_000)
    run_module = ("import runpy, socketserver; socketserver.TCPServer.request_queue_size = 128; "
                  "runpy.run_module('http.server', run_name='__main__')")
    server = python(run_module, PORT, "--protocol", "HTTP/1.1", "--directory", lab.tmp)
    lab.start_listener(server_host, on(server_host, *server), PORT)
    clients = python(HTTP_CLIENTS, ADDRESS[server_host], PORT, "/file", 50, 20, 50_000)
    lab.run(client_host, on(client_host, *clients))


def test_http_server_with_threads_serves_50_kept_connections(lab):
    check_http(lab, "b", "a")


def test_http_clients_in_50_threads_keep_their_connections(lab):
    check_http(lab, "a", "b")


main(check_unseen)
