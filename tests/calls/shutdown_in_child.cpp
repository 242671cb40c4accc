// SPDX-License-Identifier: GPL-2.0
// shutdown() is of the connection, not of a descriptor: one made by a child ends it for the parent too, wakes a parent
// that is blocked in it, and the listener's accept.
#include <fcntl.h>
#include <signal.h>

#include "children.h"

static void both_directions() {
    const Pair pair;
    child_does([&] { CHECK(shutdown(pair.server, SHUT_WR) == 0); });
    hear_end(pair.client);
    CHECK_FAILS(send(pair.server, "x", 1, MSG_NOSIGNAL), EPIPE);
    say(pair.client, "the other way");
    hear(pair.server, "the other way");
    child_does([&] { CHECK(shutdown(pair.client, SHUT_WR) == 0); });
    hear_end(pair.server);
    close(pair.client);
    close(pair.server);
}

static void wakes_a_blocked_parent() {
    const Pair pair;
    const pid_t child = in_child([&] {
        sleep_ms(50);
        CHECK(shutdown(pair.server, SHUT_RD) == 0);
    });
    hear_end(pair.server);
    expect_success(child);
    close(pair.client);
    close(pair.server);

    const int listening = listener();
    const pid_t other = in_child([&] {
        sleep_ms(50);
        CHECK(shutdown(listening, SHUT_RDWR) == 0);
    });
    CHECK_FAILS(accept(listening, nullptr, nullptr), EINVAL);
    expect_success(other);
    close(listening);
}

static void wakes_a_blocked_child() {
    const Pair pair;
    const pid_t child = in_child([&] { hear_end(pair.server); });
    sleep_ms(50);
    CHECK(shutdown(pair.server, SHUT_RDWR) == 0);
    expect_success(child);
    hear_end(pair.client);
    close(pair.client);
    close(pair.server);
}

int main() {
    close_inherited();
    limit_time();
    both_directions();
    wakes_a_blocked_parent();
    wakes_a_blocked_child();
}
