// SPDX-License-Identifier: GPL-2.0
// select() and pselect() over a pipe and a socket: the sets, the count of bits, the time that is left, EBADF.
#include <sys/select.h>

#include <algorithm>

#include "check.h"

int main() {
    const Pair pair;
    int ends[2];
    CHECK(pipe(ends) == 0);
    const int count = std::max({ends[0], ends[1], pair.client, pair.server}) + 1;
    fd_set readable, writable;
    const auto fill = [&] {
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        FD_SET(ends[0], &readable);
        FD_SET(pair.server, &readable);
        FD_SET(pair.client, &readable);
        FD_SET(pair.client, &writable);
        FD_SET(ends[1], &writable);
    };

    fill();
    CHECK(select(count, &readable, &writable, nullptr, nullptr) == 2);
    CHECK(FD_ISSET(pair.client, &writable) && FD_ISSET(ends[1], &writable));
    CHECK(!FD_ISSET(pair.client, &readable) && !FD_ISSET(pair.server, &readable) && !FD_ISSET(ends[0], &readable));

    fill();
    timeval limit{0, 50000};
    CHECK(select(count, &readable, nullptr, nullptr, &limit) == 0);
    CHECK(limit.tv_sec == 0 && limit.tv_usec == 0);
    CHECK(!FD_ISSET(pair.server, &readable) && !FD_ISSET(ends[0], &readable));

    CHECK(write(pair.client, "x", 1) == 1);
    fill();
    limit = timeval{5, 0};
    CHECK(select(count, &readable, nullptr, nullptr, &limit) == 1 && FD_ISSET(pair.server, &readable));
    CHECK(limit.tv_sec == 4);

    CHECK(write(ends[1], "x", 1) == 1);
    fill();
    const timespec forever{100, 0};
    CHECK(pselect(count, &readable, &writable, nullptr, &forever, nullptr) == 4);

    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    fill();
    CHECK(select(count, &readable, nullptr, nullptr, nullptr) == 2);

    close(ends[0]);
    fill();
    CHECK_FAILS(select(count, &readable, nullptr, nullptr, nullptr), EBADF);
}
