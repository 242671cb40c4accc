# SPDX-License-Identifier: GPL-2.0
"""The kernel's own socket tests (tools/testing/selftests/net of the stack's tree) on the host's kernel and Alpine."""
import concurrent.futures
import os
import time
from functools import partial

import expected
import selftest_build
from lab import Lab
from runner import lab_options, main
from selftest_programs import ALONE, PAIRS, WRAPPERS
from selftest_runs import Bench, run_row, run_side
from sides import ALPINE, HOST, SIDES
from table import PASS, Table

SUITE = "kernel-selftests"
RETRIES = 2
TABLE_S = 1500  # however many programs hang; what was not reached then differs
IPPROTO_EGP = 8
MOST_RETRIED = 30  # more differences than that are no accident of timing


def retry(bench, table, until):
    differing = table.unexplained()
    for name in differing if len(differing) <= MOST_RETRIED else []:
        for _ in range(RETRIES if time.monotonic() < until else 0):
            if run_row(bench, name) == PASS:
                table.retry(name, {ALPINE: PASS})
                break


def chosen(items):
    """All, or what ALPINE_CONFORMANCE_ONLY names a part of: for looking at one program by hand."""
    only = os.environ.get("ALPINE_CONFORMANCE_ONLY", "")
    return [item for item in items if only in item.name]


def plain_lab(beside):
    """A second lab, for the host's side: the same two hosts without Alpine."""
    plain = Lab(daemon=False)
    plain.environment["ALPINE_LAB"] = beside.environment["ALPINE_LAB"] + "host"
    return plain


def build_programs(known):
    used = {p for c in [*ALONE, *WRAPPERS, *PAIRS] for p in (c.program, getattr(c, "server_program", "")) if p}
    unknown = selftest_build.listed_programs() - used - set(known.not_run)
    assert not unknown, "neither run nor said why not: " + " ".join(sorted(unknown))
    failed = selftest_build.build(sorted(used))
    assert not failed, "do not build: " + "\n".join("%s:\n%s" % item for item in failed.items())


def grant_protocols(lab):
    """net/rxtimestamp has a raw socket of this protocol, which takes root anywhere; here alpined's policy grants it."""
    policy = lab.write("policy.toml", "[protocols]\n%d = [\"*\"]\n" % IPPROTO_EGP, 0o644)
    lab.daemon("stop")
    lab.daemon("start", "a", "--policy", policy)


@lab_options(both=True)
def test_what_passes_on_the_host_passes_under_alpine(lab):
    known = expected.load(SUITE)
    build_programs(known)
    parts = {"alone": chosen(ALONE), "wrappers": chosen(WRAPPERS), "pairs": chosen(PAIRS)}
    grant_protocols(lab)
    table, until = Table(SUITE, known), time.monotonic() + TABLE_S
    with plain_lab(lab) as plain, concurrent.futures.ThreadPoolExecutor(len(SIDES)) as pool:
        benches = [Bench(HOST, plain), Bench(ALPINE, lab)]
        for bench, results in zip(benches, pool.map(partial(run_side, **parts, until=until), benches)):
            table.add(bench.side, results)
        retry(benches[1], table, until)
    table.write()
    if sum(map(len, parts.values())) == len(ALONE) + len(WRAPPERS) + len(PAIRS):
        table.judge()


main()
