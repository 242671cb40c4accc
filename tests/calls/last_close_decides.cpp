// SPDX-License-Identifier: GPL-2.0
// What a close does (a reset for SO_LINGER 0 or for unread data, a FIN else) happens at the last one, in whichever
// process: a child's close, exit or death does nothing to a connection that its parent has, and the other way round.
#include <signal.h>

#include "children.h"

static void expect_reset(int fd) {
    char byte;
    CHECK_FAILS(read(fd, &byte, 1), ECONNRESET);
}

static void linger_zero(bool child_is_last) {
    const Pair pair;
    const Bell go;
    const pid_t child = in_child([&] {
        const linger hard{1, 0};
        CHECK(setsockopt(pair.server, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0);
        go.wait();
        CHECK(close(pair.server) == 0);
    });
    if (child_is_last) {
        say(pair.client, "x");
        hear(pair.server, "x");
        sleep_ms(20);
        CHECK(close(pair.server) == 0);
        go.ring();
        expect_success(child);
    } else {
        go.ring();
        expect_success(child);
        talk(pair.client, pair.server);
        CHECK(close(pair.server) == 0);
    }
    expect_reset(pair.client);
    close(pair.client);
}

static void unread_data(int how) {
    const Pair pair;
    say(pair.client, "never read");
    const pid_t child = in_child([&] {
        if (how != 0) {
            kill(getpid(), how);
        }
    });
    if (how == 0) {
        expect_success(child);
    } else {
        expect_signal(child, how);
    }
    say(pair.server, "still there");
    hear(pair.client, "still there");
    CHECK(close(pair.server) == 0);
    expect_reset(pair.client);
    close(pair.client);
}

int main() {
    close_inherited();
    limit_time();
    signal(SIGPIPE, SIG_IGN);
    linger_zero(false);
    linger_zero(true);
    unread_data(0);
    unread_data(SIGTERM);
    unread_data(SIGKILL);
}
