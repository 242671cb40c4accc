// SPDX-License-Identifier: GPL-2.0
// Processes that may have no descriptor but those they have (RLIMIT_NOFILE of 1, as sandboxes set it): the limit is
// what they have set, and they wait for sockets all the same.
#include <poll.h>
#include <sys/resource.h>

#include "children.h"

constexpr int kChildren = 6;
constexpr int kRounds = 50;

static void allow_no_more() {
    const rlimit one{1, 1};
    CHECK(setrlimit(RLIMIT_NOFILE, &one) == 0);
    CHECK(dup(0) == -1 && errno == EMFILE);
}

/// Answers each byte, having waited for it by poll() and by a blocking read() in turn.
static void answer(int fd) {
    allow_no_more();
    for (int round = 0; round < kRounds; ++round) {
        pollfd entry{fd, POLLIN, 0};
        CHECK(round % 2 != 0 || poll(&entry, 1, -1) == 1);
        char byte;
        CHECK(read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1);
    }
}

int main() {
    close_inherited();
    limit_time();
    Pair pairs[kChildren];
    pid_t children[kChildren];
    for (int i = 0; i < kChildren; ++i) {
        children[i] = in_child([&] { answer(pairs[i].server); });
    }
    for (int round = 0; round < kRounds; ++round) {
        sleep_ms(round % 7);  // all of them wait
        for (const Pair& pair : pairs) {
            CHECK(write(pair.client, "x", 1) == 1);
        }
        for (const Pair& pair : pairs) {
            char byte;
            CHECK(read(pair.client, &byte, 1) == 1 && byte == 'x');
        }
    }
    for (const pid_t child : children) {
        expect_success(child);
    }
}
