# SPDX-License-Identifier: GPL-2.0
"""A server of several processes on one stack; one of them after the other is killed, any of them, under load.

Each time one of two things must have happened within a second: the killed process's connections have ended, and all
others carry on, their streams intact; or, when it was killed while it changed the stack, the stack has ended: one line
on standard error, ECONNABORTED for those who are left, and an end of every connection for the peers. A stream that
stands still, or in which a byte is wrong, fails the test. The table tells how often which has happened.

ALPINE_TEST_MEMBER_KILLS=2000 for the long run; ALPINE_TEST_SEED repeats one.
"""
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter

from built import built, built_under_alpine
from lab import ADDRESS, alp, wait_until
from processes import alive
from programs import python
from runner import main
from unseen import check_unseen

PORT = 7100
WORKERS = 4
CONNECTIONS = 40
KILLS = int(os.environ.get("ALPINE_TEST_MEMBER_KILLS", "20"))
SEED = int(os.environ.get("ALPINE_TEST_SEED", time.time_ns() % 1_000_000))
WITHIN_S = 1.0
ON_ITS_WAY_S = 0.5  # what peers still read of a stack that has ended
HANG_S = 10.0  # on a machine that does other things too


class Lines:
    """What a process says, as it comes, in a list."""

    def __init__(self, stream):
        self.lines = []
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            self.lines.append(line.split())

    def said(self, word):
        return [line for line in list(self.lines) if line[0] == word]


class Family:
    def __init__(self, lab):
        self.lab = lab
        self.process = lab.start("a", built_under_alpine("family_server", PORT, WORKERS), stdout=subprocess.PIPE)
        self.output = Lines(self.process.stdout)
        wait_until(lambda: len(self.members()) == WORKERS + 1, "all members of the family run", timeout=20)

    def members(self):
        return [pid for pid in (int(line[1]) for line in self.output.said("member")) if self._runs(pid)]

    def aborted(self):
        """Those who have been told by a call that the stack is no more."""
        return {int(line[1]): line[2] for line in self.output.said("aborted")}

    def complaints(self):
        with open(self.process.log) as file:
            return file.read().splitlines()

    def whole(self):
        """Is the first process there, to start others?"""
        return self._runs(self.process.pid)

    def end(self):
        self.lab.stop(self.process)
        for pid in self.members():
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: self.members() == [], "the family has ended")
        self.process.stdout.close()
        self.lab.processes.remove(self.process)

    def _runs(self, pid):
        if pid == self.process.pid:
            return self.process.poll() is None
        return alive(pid)


class Client:
    """stream_client on host b: its connections as they are now, and how the others ended."""

    def __init__(self, lab):
        self.process = lab.start("b", built("stream_client", ADDRESS["a"], PORT, CONNECTIONS), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.output = Lines(self.process.stdout)
        self.seen = 0  # of its lines, by ends()

    def connections(self):
        """{id: (process, bytes, longest pause in ms)}"""
        asked = len(self.output.lines)
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        wait_until(lambda: ["."] in self.output.lines[asked:] or self.process.poll() is not None, "the client answers")
        assert not self.output.said("corrupt"), self.output.said("corrupt")
        assert self.process.poll() is None, "the client has ended: " + open(self.process.log).read()
        answer = self.output.lines[asked:]
        answer = answer[:answer.index(["."])]
        return {int(line[1]): (int(line[2]), int(line[3]), int(line[4])) for line in answer if line[0] == "at"}

    def forget(self):
        self.output.lines.clear()

    def ends(self):
        """[(id, process, time, how)] since forget()"""
        return [(int(line[1]), int(line[2]), float(line[3]), line[4]) for line in self.output.said("down")]


def all_move(client, seconds=HANG_S):
    """Waits until every connection is up and carries data."""
    before = {}

    def moved():
        now = client.connections()
        for name in list(before):
            if name in now and now[name][0] != before[name][0]:
                del before[name]  # another connection meanwhile
        for name in now:
            before.setdefault(name, now[name])
        return len(now) == CONNECTIONS and all(now[name][1] > before[name][1] for name in now)
    wait_until(moved, "all connections carry data", timeout=seconds)


class Outcome:
    SURVIVED, ENDED = "carried on", "ended"


def watch_kill(family, client, victim):
    """Kills, and waits until it is clear what has happened. Returns (outcome, slowest end in s, longest pause in ms)."""
    before = client.connections()
    client.forget()
    killed = time.time()
    os.kill(victim, signal.SIGKILL)
    others = {name for name, (process, _, _) in before.items() if process != victim}
    moved_beyond = before
    last = {}
    while time.time() < killed + HANG_S:
        time.sleep(0.05)
        now, ends = client.connections(), client.ends()
        last.update({"now": now, "ends": ends})
        ended = {name for name, process, when, _ in ends if process != 0 and when > killed}
        slowest = max((when - killed for _, process, when, _ in ends if process != 0), default=0)
        if not family.aborted() and not ended & others and ended == set(before) - others and \
                all(name in now and now[name][1] > moved_beyond[name][1] for name in others):
            if moved_beyond is before:
                if time.time() >= killed + ON_ITS_WAY_S:
                    moved_beyond = now
                continue
            return Outcome.SURVIVED, slowest, max((now[name][2] for name in others), default=0)
        if ended == set(before) and all(not alive(pid) or pid in family.aborted() for pid in family.members()):
            return Outcome.ENDED, slowest, 0
    still = sorted(name for name in others if name in last["now"] and last["now"][name][1] <= moved_beyond[name][1])
    raise AssertionError("%g s after process %d was killed: %d of %d other connections have ended, %d stand still; of its "
                         "own %d have ended of %d; members %s, told of the end %s; standard error:\n%s"
                         % (HANG_S, victim, len(ended & others), len(others), len(still), len(ended - others),
                            len(before) - len(others), family.members(), family.aborted(),
                            "\n".join(family.complaints())))


def check_end(family):
    """Of a stack: those who are left were told so by their calls, and the user once."""
    wait_until(lambda: family.members() == [], "those who are left have ended")
    assert set(family.aborted().values()) <= {"ECONNABORTED"}, family.aborted()
    lines = family.complaints()
    assert len(lines) == 1 and lines[0].startswith("alpine:"), lines


def test_each_killed_member_leaves_the_others_or_a_clear_end(lab):
    print("ALPINE_TEST_SEED=%d" % SEED)
    choice = random.Random(SEED)
    table, slowest, pause = Counter(), 0.0, 0
    family = Family(lab)
    client = Client(lab)
    for number in range(KILLS):
        all_move(client)
        time.sleep(choice.random() / 20)
        members = family.members()
        victim = choice.choice(members)
        kind = "the first process" if victim == family.process.pid else "a worker"
        outcome, took, paused = watch_kill(family, client, victim)
        table[kind, outcome] += 1
        slowest, pause = max(slowest, took), max(pause, paused)
        assert took < WITHIN_S, "kill %d: an end came to a peer only after %.2f s" % (number, took)
        if outcome == Outcome.ENDED:
            check_end(family)
        else:
            assert family.complaints() == [] and family.aborted() == {}, (family.complaints(), family.aborted())
        if outcome == Outcome.ENDED or not family.whole():
            family.end()
            family = Family(lab)
        else:
            wait_until(lambda: len(family.members()) == WORKERS + 1, "another worker has been started")
    print("%-20s %8s %12s %8s" % ("killed", "times", Outcome.SURVIVED, Outcome.ENDED))
    for kind in ("a worker", "the first process"):
        survived, ended = (table[kind, outcome] for outcome in (Outcome.SURVIVED, Outcome.ENDED))
        print("%-20s %8d %12d %8d" % (kind, survived + ended, survived, ended))
    print("slowest end of a connection at a peer %.0f ms; longest pause of another's stream %d ms"
          % (slowest * 1000, pause))
    client.process.stdin.close()
    client.process.wait(10)
    family.end()


BUSY_CHILD = """
import os, socket, sys
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
child = os.fork()
while child == 0:
    link.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
print(child, flush=True)
os.waitpid(child, 0)
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
except OSError as error:
    print(error.strerror, flush=True)
sys.exit(7)
"""


def test_a_program_goes_on_without_its_stack(lab):
    """Its busy child is killed from elsewhere until that is in the middle of a call."""
    for _ in range(40):
        program = lab.start("a", alp(*python(BUSY_CHILD)), stdout=subprocess.PIPE)
        child = program.stdout.readline().strip()
        time.sleep(0.05)
        lab.run("a", ["kill", "-9", child], user=False)
        said = program.communicate(timeout=20)[0]
        assert program.returncode == 7, (program.returncode, open(program.log).read())
        if said:
            assert said.strip() == "Software caused connection abort", said
            assert open(program.log).read().count("alpine: the stack has ended") == 1, open(program.log).read()
            break
    else:
        raise AssertionError("none of 40 kills was in the middle of a call")


main(check_unseen)
