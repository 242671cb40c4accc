// SPDX-License-Identifier: GPL-2.0
// What epoll and poll say when a connection ends: EPOLLRDHUP at a half close, EPOLLHUP when both halves are shut,
// EPOLLERR after a reset; the latter two unasked.
#include <poll.h>
#include <sys/epoll.h>

#include "check.h"

static unsigned events_of(int epoll, int ms) {
    epoll_event event{};
    const int count = epoll_wait(epoll, &event, 1, ms);
    CHECK(count >= 0);
    return count == 1 ? event.events : 0;
}

static int watch(int fd, unsigned events) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = events;
    CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    return epoll;
}

static short polled(int fd, short events) {
    pollfd entry{fd, events, 0};
    CHECK(poll(&entry, 1, 1000) >= 0);
    return entry.revents;
}

static void half_close() {
    const Pair pair;
    const int told = watch(pair.server, EPOLLRDHUP);
    const int all = watch(pair.server, EPOLLIN | EPOLLRDHUP | EPOLLET);
    const int untold = watch(pair.server, 0);
    CHECK(events_of(told, 20) == 0);
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    CHECK(events_of(told, 1000) == EPOLLRDHUP);
    CHECK(events_of(all, 1000) == (EPOLLIN | EPOLLRDHUP));
    CHECK(events_of(all, 20) == 0);  // edge
    CHECK(events_of(untold, 20) == 0);
    CHECK(polled(pair.server, POLLIN | POLLRDHUP) == (POLLIN | POLLRDHUP));
    CHECK(polled(pair.server, POLLIN) == POLLIN);

    CHECK(shutdown(pair.server, SHUT_WR) == 0);
    CHECK(events_of(untold, 1000) == EPOLLHUP);
    CHECK(events_of(told, 1000) == (EPOLLRDHUP | EPOLLHUP));
    CHECK((polled(pair.server, 0) & POLLHUP) != 0);
}

static void reset() {
    const Pair pair;
    const int untold = watch(pair.server, 0);
    const linger at_once{1, 0};
    CHECK(setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
    CHECK(close(pair.client) == 0);
    CHECK(events_of(untold, 1000) == (EPOLLERR | EPOLLHUP));
    CHECK((polled(pair.server, POLLIN) & (POLLERR | POLLHUP | POLLIN)) == (POLLERR | POLLHUP | POLLIN));
    char byte;
    CHECK_FAILS(read(pair.server, &byte, 1), ECONNRESET);
    CHECK(read(pair.server, &byte, 1) == 0);  // said once
}

static void never_connected() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int untold = watch(fd, 0);
    CHECK(events_of(untold, 1000) == EPOLLHUP);
    CHECK(polled(fd, POLLOUT) == (POLLOUT | POLLHUP));
}

int main() {
    half_close();
    reset();
    never_connected();
}
