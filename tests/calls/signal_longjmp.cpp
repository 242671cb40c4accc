// SPDX-License-Identifier: GPL-2.0
// A handler may leave by siglongjmp: out of a blocked read, again and again, and sockets still work.
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include "check.h"

static sigjmp_buf back;

int main() {
    const Pair pair;
    char byte;
    struct sigaction action {};
    action.sa_handler = [](int) { siglongjmp(back, 1); };
    CHECK(sigaction(SIGALRM, &action, nullptr) == 0);
    static int round;
    for (round = 0; round < 20; ++round) {
        if (sigsetjmp(back, 1) == 0) {
            const itimerval soon{{0, 0}, {0, 5000}};
            CHECK(setitimer(ITIMER_REAL, &soon, nullptr) == 0);
            CHECK(read(pair.server, &byte, 1) != 1);
            CHECK(!"read came back");
        }
        CHECK(write(pair.client, "x", 1) == 1 && read(pair.server, &byte, 1) == 1);
    }
}
