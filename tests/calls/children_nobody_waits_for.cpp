// SPDX-License-Identifier: GPL-2.0
// Children that nobody waits for (SIGCHLD ignored, or a grandchild left to init) end in every way: what only they had
// is closed at once, whether they had used it or not.
#include <signal.h>

#include "children.h"

static void ends(bool uses, bool killed, bool parent_closes_late) {
    const Pair pair;
    const Bell go;
    in_child([&] {
        if (!parent_closes_late) {
            go.wait();
        }
        if (uses) {
            say(pair.server, "x");
        }
        if (killed) {
            kill(getpid(), SIGKILL);
        }
    });
    if (parent_closes_late) {
        sleep_ms(20);
    }
    CHECK(close(pair.server) == 0);
    go.ring();
    const long before = now_ms();
    if (uses) {
        hear(pair.client, "x");
    }
    hear_end(pair.client);
    CHECK(now_ms() - before < 1000);
    close(pair.client);
}

int main() {
    close_inherited();
    limit_time();
    CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    for (int round = 0; round < 3; ++round) {
        for (int way = 0; way < 8; ++way) {
            ends((way & 1) != 0, (way & 2) != 0, (way & 4) != 0);
        }
    }
}
