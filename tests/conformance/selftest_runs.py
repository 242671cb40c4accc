# SPDX-License-Identifier: GPL-2.0
"""Runs what selftest_programs.py lists, on one side of the comparison, and says what came of it."""
import concurrent.futures
import itertools
import os
import shlex
import shutil
import time

import kselftest
import selftest_build
from lab import ADDRESS, ADDRESS6, wait_until
from selftest_programs import ALONE, PAIRS, WRAPPERS
from sides import (HERE, HOST, OUTPUT, OWN_NAMESPACES, Ended, alpine_command, finish, host_command, keep_log, reachable, run,
                   start)
from table import FAIL, PASS

TALK = "".join("line %d of what both ends send\n" % i for i in range(4000))
UP_AFTER_S = 2  # both ends of a pair
SET_QDISC = 'tc qdisc replace dev "$(ip -o route get $0 | grep -o "dev [^ ]*" | cut -c 5-)" root $1 && shift && exec "$@"'
TALK_TO_EACH_OTHER = 'got=$(mktemp "$0.XXXXXX") && "$@" <"$0" >"$got" && cmp "$0" "$got"'


class Bench:
    """One side, its lab, and where the hosts of that see the programs."""

    def __init__(self, side, lab):
        self.side, self.lab = side, lab
        programs = os.path.relpath(selftest_build.PROGRAMS, os.path.dirname(OUTPUT))
        self.programs = os.path.join(reachable(lab, "a"), programs)
        lab.write("talk", TALK, mode=0o644)

    def words(self, program, arguments):
        return [os.path.join(self.programs, program), *shlex.split(arguments)]

    def log(self, name, ended):
        keep_log(self.side, name, "%s\nexit code %d\n" % (ended.output, ended.code))


def network_commands(network):
    addresses, mtu = network.split() if network else ("", "")
    commands = ["ip addr add dev lo %s%s" % (a, " nodad noprefixroute" if ":" in a else "")
                for a in addresses.split(",") if a]
    return commands + ["ip link set dev lo mtu " + mtu] if network else []


def command_of(bench, case, more):
    words = [*bench.words(case.program, case.arguments), *more]
    words = ["env", "--chdir=" + bench.lab.tmp, *words]  # some make files where they stand
    if bench.side == HOST:
        setup = ["sysctl -qw %s" % shlex.quote("%s=%s" % item) for item in case.sysctls.items()]
        return host_command(bench.lab, words, case.privilege, [*setup, *network_commands(case.network)])
    if case.network:  # of the one stack that the shell, ip and the program have
        words = ["sh", "-c", " && ".join(network_commands(case.network)) + ' && exec "$@"', "sh", *words]
    if case.own_namespaces:
        words = OWN_NAMESPACES + words
    options = [w for item in case.sysctls.items() for w in ("--sysctl", "%s=%s" % item)]
    return alpine_command(bench.lab, words, options, as_root=case.alpine_as_root)


def run_alone(bench, case, more=()):
    """{row: result} of a program that needs no other."""
    ended = run(bench.lab, command_of(bench, case, more), case.seconds)
    bench.log(case.name, ended)
    if case.tap:
        return {"%s: %s" % (case.program, name): result for name, result in kselftest.by_line(ended).items()}
    return {case.name: kselftest.by_exit_code(ended, case.must_say)}


def run_wrapper(bench, wrapper):
    """{row: result}. It stands in a folder of its own with what it calls, as root: under Alpine inside the stack only."""
    folder = bench.lab.path(os.path.basename(wrapper.name) + ".d")
    os.makedirs(folder, exist_ok=True)
    for path in (selftest_build.source(wrapper.name), selftest_build.source("net/lib.sh"),
                 os.path.join(selftest_build.PROGRAMS, wrapper.program), os.path.join(HERE, "one_namespace", "ip")):
        shutil.copy(path, folder)
        os.chmod(os.path.join(folder, os.path.basename(path)), 0o755)
    words = ["sh", "-c", 'cd "$0" && PATH=$0:$PATH exec bash "./$1"', folder, os.path.basename(wrapper.name)]
    command = alpine_command(bench.lab, words, as_root=True) if bench.side != HOST else host_command(bench.lab, words, "root")
    ended = run(bench.lab, command, wrapper.seconds)
    bench.log(wrapper.name, ended)
    return {wrapper.name: kselftest.by_exit_code(ended)}


class PairRun:
    """One run of a pair: the server on one host, the client on the other, each on the host's kernel or on Alpine."""

    def __init__(self, bench, pair, server_host, on_alpine):
        self.bench, self.pair, self.on_alpine = bench, pair, on_alpine
        self.server_host, self.client_host = server_host, "a" if server_host == "b" else "b"
        table = ADDRESS6 if "-6" in pair.client.split() or "::" in pair.server.split() else ADDRESS
        self.values = {"server": table[self.server_host], "client": table[self.client_host],
                       "start": time.time_ns() + UP_AFTER_S * 10**9}

    def command(self, end, host, program, arguments):
        words = self.bench.words(program, arguments.format(**self.values))
        if self.pair.talk:
            words = ["sh", "-c", TALK_TO_EACH_OTHER, self.bench.lab.path("talk"), *words]
        if end == "client" and self.pair.client_qdisc:
            words = ["sh", "-c", SET_QDISC, self.values["server"], self.pair.client_qdisc, *words]
        if end in self.on_alpine:
            return alpine_command(self.bench.lab, words, host=host)
        return host_command(self.bench.lab, words, host=host)

    def taken(self):
        port = ":%d" % self.pair.port
        return port in self.bench.lab.run(self.server_host, ["ss", "-Hlntu", "sport = " + port], user=False).stdout

    def wait_for(self, server):
        if self.pair.delay_s:
            time.sleep(self.pair.delay_s)
        else:
            wait_until(lambda: server.poll() is not None or self.taken(), "the server is there", timeout=15)

    def run(self):
        """What client and server did."""
        lab, pair = self.bench.lab, self.pair
        server = start(lab, self.command("server", self.server_host, pair.server_program or pair.program, pair.server),
                       pair.seconds)
        with concurrent.futures.ThreadPoolExecutor(1) as reader:
            served, client = reader.submit(finish, server), Ended(1, "")
            try:
                self.wait_for(server)
                client = run(lab, self.command("client", self.client_host, pair.program, pair.client), pair.seconds)
            except AssertionError as error:
                client = Ended(1, str(error))
            finally:
                if client.code != 0 or not pair.server_ends:  # some wait half a minute for a client that failed
                    server.terminate()
        return client, served.result()


def row_name(pair, end):
    return "%s [%s]" % (pair.name, "both ends" if end == "both" else end + " end")


def run_pair(bench, pair, end):
    on_alpine = () if bench.side == HOST else ("server", "client") if end == "both" else (end,)
    client, served = PairRun(bench, pair, "b" if end == "client" else "a", on_alpine).run()
    bench.log(row_name(pair, end) + " client", client)
    bench.log(row_name(pair, end) + " server", served)
    result = kselftest.by_exit_code(client)
    if result == PASS and pair.server_ends:
        result = kselftest.by_exit_code(served)
    return {row_name(pair, end): result}


def run_pairs(bench, pairs):
    for pair in pairs:
        if bench.side == HOST:  # both ends are the host's kernel: one run stands for all
            (result,) = run_pair(bench, pair, pair.alpine_ends[0]).values()
            yield {row_name(pair, end): result for end in pair.alpine_ends}
        else:
            yield from (run_pair(bench, pair, end) for end in pair.alpine_ends)


def run_side(bench, alone, wrappers, pairs, until):
    """{row: result} of everything, or of as much as there is time for."""
    runs = itertools.chain((run_alone(bench, case) for case in alone), (run_wrapper(bench, w) for w in wrappers),
                           run_pairs(bench, pairs))
    results = {}
    for found in runs:
        results.update(found)
        if time.monotonic() > until:
            break
    return results


def run_row(bench, name):
    """Runs what one row stands for once more, by itself. Its result."""
    for case in ALONE:
        if case.tap and name.startswith(case.program + ": "):
            results = run_alone(bench, case, kselftest.choose(name.split(": ")[1]))
        elif name == case.name:
            results = run_alone(bench, case)
        else:
            continue
        if name in results:
            return results[name]
    for wrapper in WRAPPERS:
        if name == wrapper.name:
            return run_wrapper(bench, wrapper)[name]
    for pair in PAIRS:
        for end in pair.alpine_ends:
            if name == row_name(pair, end):
                return run_pair(bench, pair, end)[name]
    return FAIL
