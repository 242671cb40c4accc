// SPDX-License-Identifier: GPL-2.0
// What belongs to the open file is shared across fork, what belongs to the descriptor is not: O_NONBLOCK, options,
// owner and a connection's state set in a child are seen in the parent; close-on-exec is not.
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "children.h"

int main() {
    close_inherited();
    limit_time();
    const Pair pair;
    child_does([&] { CHECK(fcntl(pair.server, F_SETFL, fcntl(pair.server, F_GETFL) | O_NONBLOCK) == 0); });
    CHECK((fcntl(pair.server, F_GETFL) & O_NONBLOCK) != 0);
    char byte;
    CHECK_FAILS(read(pair.server, &byte, 1), EAGAIN);
    const int off = 0;
    child_does([&] { CHECK(ioctl(pair.server, FIONBIO, &off) == 0); });
    CHECK((fcntl(pair.server, F_GETFL) & O_NONBLOCK) == 0);
    const pid_t child = in_child([&] {
        sleep_ms(50);
        say(pair.client, "x");
    });
    hear(pair.server, "x");  // it waits again
    expect_success(child);

    // The other way round, while the child runs.
    const Bell set, seen;
    const pid_t looker = in_child([&] {
        set.wait();
        CHECK((fcntl(pair.client, F_GETFL) & O_NONBLOCK) != 0);
        char none;
        CHECK_FAILS(read(pair.client, &none, 1), EAGAIN);
        CHECK(fcntl(pair.client, F_GETFD) == 0);
        CHECK(fcntl(pair.server, F_SETFD, FD_CLOEXEC) == 0);
        seen.ring();
    });
    CHECK(fcntl(pair.client, F_SETFL, O_RDWR | O_NONBLOCK) == 0 && fcntl(pair.client, F_SETFD, FD_CLOEXEC) == 0);
    set.ring();
    seen.wait();
    expect_success(looker);
    CHECK(fcntl(pair.server, F_GETFD) == 0 && fcntl(pair.client, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(pair.client, F_SETFL, O_RDWR) == 0);

    child_does([&] {
        set_option(pair.server, IPPROTO_TCP, TCP_NODELAY, 1);
        set_option(pair.server, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_time_limit(pair.server, SO_RCVTIMEO, 100);
        CHECK(fcntl(pair.server, F_SETOWN, getpid()) == 0);
        say(pair.client, "peeked");
        char buffer[16];
        CHECK(recv(pair.server, buffer, 6, MSG_PEEK | MSG_WAITALL) == 6);
    });
    CHECK(option_of(pair.server, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(option_of(pair.server, SOL_SOCKET, SO_KEEPALIVE) == 1);
    hear(pair.server, "peeked");
    CHECK_FAILS(read(pair.server, &byte, 1), EAGAIN);  // the limit the child has set

    // Each reads what the other has not.
    say(pair.client, "abcdef");
    child_does([&] { hear(pair.server, "abc"); });
    hear(pair.server, "def");
}
