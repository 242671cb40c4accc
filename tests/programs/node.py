# SPDX-License-Identifier: GPL-2.0
"""node's HTTP server and client, one of them under Alpine, with 1000 connections that are kept."""
import json

from lab import ADDRESS, alp, on
from runner import main
from unseen import check_unseen

PORT = 8080
CONNECTIONS = 1000
ROUNDS = 3
SERVER = """
const http = require("http");
const server = http.createServer((request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => response.end(Buffer.concat(pieces).toString().toUpperCase()));
});
server.keepAliveTimeout = 60000; /* ms */
server.listen({host: "0.0.0.0", port: Number(process.argv[1]), backlog: 2048});
"""
# Each round asks on all connections before it takes an answer, so that all of them are open at once.
CLIENT = """
const http = require("http");
const [host, port, connections, rounds] = process.argv.slice(1);
const agent = new http.Agent({keepAlive: true, maxSockets: Infinity, maxFreeSockets: Number(connections)});
const ports = new Set();
let reused = 0;
function ask(text) {
    return new Promise((resolve, reject) => {
        const request = http.request({host, port, agent, method: "POST"}, (response) => {
            let body = "";
            response.on("data", (piece) => body += piece);
            response.on("end", () => {
                reused += request.reusedSocket ? 1 : 0;
                if (response.statusCode === 200 && body === text.toUpperCase()) resolve();
                else reject(new Error(`asked ${text.slice(0, 40)}, got ${response.statusCode} ${body.slice(0, 40)}`));
            });
        });
        request.on("socket", (socket) => socket.once("connect", () => ports.add(socket.localPort)));
        request.on("error", reject);
        request.end(text);
    });
}
(async () => {
    for (let round = 0; round < rounds; round++) {
        const texts = Array.from({length: connections},
                                 (_, i) => `connection ${i} in round ${round};`.repeat(1 + i % 50));
        await Promise.all(texts.map(ask));
    }
    console.log(JSON.stringify({opened: ports.size, reused}));
    agent.destroy();
})();
"""


def check(lab, client_host, server_host):
    lab.start_listener(server_host, on(server_host, "/usr/bin/node", "-e", SERVER, "--", str(PORT)), PORT)
    client = ["/usr/bin/node", "-e", CLIENT, "--", ADDRESS[server_host], str(PORT), str(CONNECTIONS), str(ROUNDS)]
    report = json.loads(lab.run(client_host, on(client_host, *client), timeout=80).stdout)
    assert report == {"opened": CONNECTIONS, "reused": CONNECTIONS * (ROUNDS - 1)}, report


def test_server_answers_on_1000_kept_connections(lab):
    check(lab, "b", "a")


def test_client_keeps_1000_connections(lab):
    check(lab, "a", "b")


main(check_unseen)
