# SPDX-License-Identifier: GPL-2.0
"""node's cluster: a master and its workers, of which the master accepts or all do."""
import time

from lab import ADDRESS, alp
from runner import main
from unseen import check_unseen

PORT = 8080

# A master with workers, each a program of its own that is started by exec. The master accepts and hands connections on, or
# the workers share the listener. The answer tells which of them it came from; /die ends the worker it reaches.
CLUSTER = """
const cluster = require("cluster"), http = require("http");
const [port, workers, policy] = process.argv.slice(-3);
cluster.schedulingPolicy = policy === "handed" ? cluster.SCHED_RR : cluster.SCHED_NONE;
if (cluster.isPrimary) {
    for (let i = 0; i < Number(workers); i++) cluster.fork();
    cluster.on("exit", () => cluster.fork());
} else {
    http.createServer((request, response) => {
        if (request.url === "/die") process.kill(process.pid, "SIGKILL");
        const pieces = [];
        request.on("data", (piece) => pieces.push(piece));
        request.on("end", () => response.end(process.pid + " " + Buffer.concat(pieces)));
    }).listen({host: "0.0.0.0", port: Number(port), backlog: 512});
}
"""
# Asks COUNT times, at most 50 at once, each on a connection of its own; prints who answered. With DEATHS, so many workers
# are made to die before, one after the other.
CLUSTER_CLIENT = """
const http = require("http");
const [host, port, count, deaths] = process.argv.slice(1).map((word, i) => i === 0 ? word : Number(word));
const agent = new http.Agent({keepAlive: false, maxSockets: 50});
const workers = new Set();
function ask(path, text) {
    return new Promise((resolve, reject) => {
        const request = http.request({host, port, path, agent, method: "POST"}, (response) => {
            let body = "";
            response.on("data", (piece) => body += piece);
            response.on("end", () => {
                const [pid, answer] = [body.split(" ", 1)[0], body.slice(body.indexOf(" ") + 1)];
                if (response.statusCode !== 200 || answer !== text) reject(new Error(`asked ${text}, got ${body}`));
                workers.add(pid);
                resolve();
            });
        });
        request.on("error", reject);
        request.end(text);
    });
}
(async () => {
    for (let i = 0; i < deaths; i++) {
        let died = false;
        await ask("/die", "").catch(() => died = true);
        if (!died) throw new Error("a worker answered and should have died");
        // One that has just been started may not listen yet; the others do.
        for (let asked = 0; asked < 20; asked++) await ask("/", `after death ${i}, ${asked}`);
    }
    workers.clear();
    await Promise.all(Array.from({length: count}, (_, i) => ask("/", `question ${i}`)));
    console.log(workers.size);
})();
"""


def start_cluster(lab, policy):
    lab.write("cluster.js", CLUSTER)
    lab.start_listener("a", alp("/usr/bin/node", lab.path("cluster.js"), str(PORT), "4", policy), PORT)
    time.sleep(1)  # all workers have started


def answering(lab, deaths=0):
    """How many workers have answered."""
    client = ["/usr/bin/node", "-e", CLUSTER_CLIENT, "--", ADDRESS["a"], str(PORT), "1000", str(deaths)]
    return int(lab.run("b", client, timeout=80).stdout)


def test_cluster_whose_master_hands_connections_to_4_workers(lab):
    # No deaths: a connection handed to a worker that has just died is lost, by node.
    start_cluster(lab, "handed")
    assert answering(lab) == answering(lab) == 4


def test_cluster_of_4_workers_that_share_a_listener(lab):
    start_cluster(lab, "shared")
    assert answering(lab) >= 1
    assert answering(lab, deaths=3) >= 1


main(check_unseen)
