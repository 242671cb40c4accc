// SPDX-License-Identifier: GPL-2.0
// An epoll instance that watches another one, which watches a pipe and a socket; and poll() on it.
#include <poll.h>
#include <sys/epoll.h>

#include "check.h"

static void add(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

int main() {
    const Pair pair;
    int ends[2];
    CHECK(pipe(ends) == 0);
    const int inner = epoll_create1(0);
    const int outer = epoll_create1(0);
    add(outer, inner);
    add(inner, pair.server);
    add(inner, ends[0]);

    epoll_event event{};
    pollfd entry{inner, POLLIN, 0};
    CHECK(epoll_wait(outer, &event, 1, 20) == 0);
    CHECK(poll(&entry, 1, 20) == 0);
    CHECK(write(pair.client, "x", 1) == 1);
    CHECK(poll(&entry, 1, 1000) == 1 && entry.revents == POLLIN);
    CHECK(epoll_wait(outer, &event, 1, 1000) == 1 && event.data.fd == inner);
    CHECK(epoll_wait(inner, &event, 1, 1000) == 1 && event.data.fd == pair.server);
    char byte;
    CHECK(read(pair.server, &byte, 1) == 1);
    CHECK(epoll_wait(outer, &event, 1, 0) == 0);
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(epoll_wait(outer, &event, 1, 1000) == 1 && event.data.fd == inner);
}
