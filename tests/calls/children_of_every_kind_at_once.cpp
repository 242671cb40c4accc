// SPDX-License-Identifier: GPL-2.0
// Children that use their parent's sockets, that do not, that fork in turn and that are killed come and go while the
// parent opens and closes sockets: whatever is open nowhere any more ends at once, and what is open somewhere goes on.
#include <signal.h>
#include <stdlib.h>

#include <vector>

#include "children.h"

constexpr int kRounds = 150;
constexpr int kPairs = 4;

/// How a child ends, some time within the round.
static void end_somehow(int way, const std::vector<Pair>& pairs, long after_us) {
    usleep(static_cast<useconds_t>(after_us));
    switch (way) {
        case 0:
            say(pairs[0].client, "c");
            break;
        case 1:
            kill(getpid(), SIGKILL);
            break;
        case 2:
            if (fork() == 0) {
                usleep(static_cast<useconds_t>(after_us));
            }
            break;
        case 3:
            close(pairs[1].client);
            break;
        default:
            break;  // without having used anything
    }
    _exit(0);
}

int main() {
    close_inherited();
    limit_time();
    srandom(1);
    for (int round = 0; round < kRounds; ++round) {
        std::vector<Pair> pairs(kPairs);
        const int port = bound(SOCK_DGRAM);
        const sockaddr_in address = name_of(port);
        for (int child = 0; child < 6; ++child) {
            const long after_us = random() % 2000;
            if (fork() == 0) {
                limit_time();
                end_somehow((round + child) % 6, pairs, after_us);
            }
            usleep(static_cast<useconds_t>(random() % 300));
        }
        talk(pairs[2].client, pairs[2].server);
        usleep(static_cast<useconds_t>(random() % 2000));
        CHECK(close(port) == 0);
        for (const Pair& pair : pairs) {
            CHECK(close(pair.client) == 0);
        }
        const long before = now_ms();
        char bytes[16];
        for (const Pair& pair : pairs) {
            for (ssize_t got = 1; got > 0;) {
                got = read(pair.server, bytes, sizeof(bytes));
                CHECK(got >= 0);
            }
            CHECK(close(pair.server) == 0);
        }
        const int again = socket(AF_INET, SOCK_DGRAM, 0);
        while (bind(again, generic(address), sizeof(address)) != 0) {  // the last child's end is not over yet
            CHECK(errno == EADDRINUSE && now_ms() - before < 1000);
            usleep(1000);
        }
        CHECK(now_ms() - before < 1000);
        CHECK(close(again) == 0);
        for (int status = 0; waitpid(-1, &status, 0) > 0;) {
            CHECK(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
        }
    }
}
