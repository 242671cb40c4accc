# SPDX-License-Identifier: GPL-2.0
"""All processes of a family end in the same moment: one of them is the last, and what all have sent comes to its end."""
import subprocess

from built import built_under_alpine
from lab import ADDRESS
from programs import python
from runner import main

PORT, PROCESSES, BYTES, ROUNDS = 7960, 8, 150_000, 20
# Takes so many connections at once, reads slowly and says how each ended, for every line on standard input.
SINK = """
import socket, sys, threading, time
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
listener = socket.create_server((address, port), backlog=count)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)
print("ready", flush=True)
def take(link, ends):
    total, end = 0, "end"
    time.sleep(0.3)
    try:
        while data := link.recv(65536):
            total += len(data)
    except OSError as error:
        end = str(error)
    ends.append("%d %s" % (total, end))
for line in sys.stdin:
    ends = []
    threads = [threading.Thread(target=take, args=(listener.accept()[0], ends)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*sorted(set(ends)), sep=", ", flush=True)
"""


def test_what_was_sent_arrives_when_all_end_at_once(lab):
    sink = lab.start("b", python(SINK, ADDRESS["b"], PORT, PROCESSES), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert sink.stdout.readline() == "ready\n"
    for _ in range(ROUNDS):
        sink.stdin.write("next\n")
        sink.stdin.flush()
        lab.run("a", built_under_alpine("leaving_together", ADDRESS["b"], PORT, PROCESSES, BYTES))
        ends = sink.stdout.readline().strip()
        assert ends == "%d end" % BYTES, ends


main()
