# SPDX-License-Identifier: GPL-2.0
"""The kernel's own socket tests (tools/testing/selftests/net of the stack's tree) on the host's kernel and Alpine."""
import concurrent.futures
import os
import shlex
import time
from functools import partial

import expected
import kselftest
import selftest_build
from lab import ADDRESS, ADDRESS6, wait_until
from runner import lab_options, main
from selftest_programs import ALONE, PAIRS
from sides import (ALPINE, HOST, OUTPUT, OWN_NAMESPACES, SIDES, Ended, alpine_command, finish, host_command, host_of,
                   keep_log, reachable, run, start)
from table import FAIL, PASS, Table

SUITE = "kernel-selftests"
RETRIES = 2
MOST_RETRIED = 30  # more differences than that are no accident of timing


TALK = "".join("line %d of what both ends send\n" % i for i in range(4000))
TALK_TO_EACH_OTHER = 'got=$(mktemp "$0.XXXXXX") && "$@" <"$0" >"$got" && cmp "$0" "$got"'


class Bench:
    """What one run of the suite needs to know: the lab, and where its hosts see the programs."""

    def __init__(self, lab):
        self.lab = lab
        self.programs = {host: os.path.join(reachable(lab, host), os.path.relpath(selftest_build.PROGRAMS,
                                                                                  os.path.dirname(OUTPUT)))
                         for host in ("a", "b")}

    def words(self, host, program, arguments):
        return [os.path.join(self.programs[host], program), *shlex.split(arguments)]


def command_of(bench, case, side, more=()):
    words = [*bench.words(host_of(side), case.program, case.arguments), *more]
    words = ["env", "--chdir=" + bench.lab.tmp, *words]  # some make files where they stand
    if side == HOST:
        setup = ["sysctl -qw %s" % shlex.quote("%s=%s" % item) for item in case.sysctls.items()]
        return host_command(bench.lab, words, case.privilege, [*setup, *case.setup])
    if case.own_namespaces:
        words = OWN_NAMESPACES + words
    return alpine_command(bench.lab, words, [w for item in case.sysctls.items() for w in ("--sysctl", "%s=%s" % item)])


def log_of(ended):
    return "%s\nexit code %d\n" % (ended.output, ended.code)


def run_alone(bench, case, side, more=()):
    ended = run(bench.lab, command_of(bench, case, side, more), case.seconds)
    keep_log(side, case.name, log_of(ended))
    if case.tap:
        return {"%s: %s" % (case.program, name): result for name, result in kselftest.by_line(ended).items()}
    return {case.name: kselftest.by_exit_code(ended, case.must_say)}


def address(host, family6):
    return (ADDRESS6 if family6 else ADDRESS)[host]


class PairRun:
    """One run of a pair: the server on one host, the client on the other, each on the host's kernel or on Alpine."""

    def __init__(self, bench, pair, server_host, on_alpine):
        self.bench, self.pair, self.on_alpine = bench, pair, on_alpine
        self.server_host, self.client_host = server_host, "a" if server_host == "b" else "b"
        six = "-6" in pair.client.split() or "::" in pair.server.split()
        self.addresses = {"server": address(self.server_host, six), "client": address(self.client_host, six)}

    def command(self, end, host, program, arguments):
        words = self.bench.words(host, program, arguments.format(**self.addresses))
        if self.pair.talk:
            words = ["sh", "-c", TALK_TO_EACH_OTHER, self.bench.lab.path("talk"), *words]
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
        lab, pair = self.bench.lab, self.pair
        server = start(lab, self.command("server", self.server_host, pair.server_program or pair.program, pair.server),
                       pair.seconds)
        with concurrent.futures.ThreadPoolExecutor(1) as reader:
            served = reader.submit(finish, server)
            try:
                self.wait_for(server)
                client = run(lab, self.command("client", self.client_host, pair.program, pair.client), pair.seconds)
            except AssertionError as error:
                client = Ended(1, str(error))
            finally:
                if not pair.server_ends:
                    server.terminate()
        return self.judge(client, served.result())

    def judge(self, client, served):
        both = Ended(client.code, "client:\n%s\nserver:\n%s\nexit code %d\nclient:"
                     % (client.output, served.output, served.code))
        result = kselftest.by_exit_code(client)
        if result == PASS and self.pair.server_ends:
            result = kselftest.by_exit_code(served)
        return result, both


def row_name(pair, end):
    return "%s [%s]" % (pair.name, "both ends" if end == "both" else end + " end")


def run_pair(bench, pair):
    """Its rows, {side: {name: result}}. On the host's side one run stands for all."""
    result, ended = PairRun(bench, pair, "a", ()).run()
    keep_log(HOST, pair.name, log_of(ended))
    results = {HOST: {row_name(pair, end): result for end in pair.alpine_ends}, ALPINE: {}}
    for end in pair.alpine_ends:
        results[ALPINE].update(run_pair_on_alpine(bench, pair, end))
    return results


def run_pair_on_alpine(bench, pair, end):
    on_alpine = ("server", "client") if end == "both" else (end,)
    result, ended = PairRun(bench, pair, "b" if end == "client" else "a", on_alpine).run()
    keep_log(ALPINE, row_name(pair, end), log_of(ended))
    return {row_name(pair, end): result}


def run_all(bench, table, alone, pairs):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for case in alone:
            for side, results in zip(SIDES, pool.map(partial(run_alone, bench, case), SIDES)):
                table.add(side, results)
    for pair in pairs:
        for side, results in run_pair(bench, pair).items():
            table.add(side, results)


def again(bench, name):
    """Runs what row `name` stands for once more, alone, under Alpine. Its result."""
    for case in ALONE:
        if case.tap and name.startswith(case.program + ": "):
            results = run_alone(bench, case, ALPINE, kselftest.choose(name.split(": ")[1]))
            return results.get(name, FAIL)
        if name == case.name:
            return run_alone(bench, case, ALPINE)[name]
    pair, end = next((p, e) for p in PAIRS for e in p.alpine_ends if row_name(p, e) == name)
    return run_pair_on_alpine(bench, pair, end)[name]


def retry(bench, table):
    differing = table.unexplained()
    for name in differing if len(differing) <= MOST_RETRIED else []:
        for _ in range(RETRIES):
            if again(bench, name) == PASS:
                table.retry(name, {ALPINE: PASS})
                break


def chosen(items):
    """All, or what ALPINE_CONFORMANCE_ONLY names a part of: for looking at one program by hand."""
    only = os.environ.get("ALPINE_CONFORMANCE_ONLY", "")
    return [item for item in items if only in item.name]


@lab_options(both=True)
def test_what_passes_on_the_host_passes_under_alpine(lab):
    known = expected.load(SUITE)
    alone, pairs = chosen(ALONE), chosen(PAIRS)
    used = {p for c in [*ALONE, *PAIRS] for p in (c.program, getattr(c, "server_program", "")) if p}
    unknown = selftest_build.listed_programs() - used - set(known.not_run)
    assert not unknown, "neither run nor said why not: " + " ".join(sorted(unknown))
    failed = selftest_build.build(sorted(used))
    assert not failed, "do not build: " + "\n".join("%s:\n%s" % item for item in failed.items())
    lab.write("talk", TALK, mode=0o644)
    bench, table = Bench(lab), Table(SUITE, known)
    run_all(bench, table, alone, pairs)
    retry(bench, table)
    table.write()
    if len(alone) + len(pairs) == len(ALONE) + len(PAIRS):
        table.judge()


main()
