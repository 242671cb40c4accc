// SPDX-License-Identifier: GPL-2.0
// One epoll instance over a pipe and a socket: level, edge and one-shot, data.ptr, MOD and DEL, room for one event.
#include <sys/epoll.h>

#include "check.h"

static int epoll;
static int pipe_data, socket_data;

static void control(int operation, int fd, unsigned events, void* data) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = data;
    CHECK(epoll_ctl(epoll, operation, fd, &event) == 0);
}

/// Waits up to `ms` and returns which of the two are ready, as bits.
static int ready(int ms, int room = 8) {
    epoll_event events[8];
    const int count = epoll_wait(epoll, events, room, ms);
    CHECK(count >= 0);
    int bits = 0;
    for (int i = 0; i < count; ++i) {
        CHECK(events[i].data.ptr == &pipe_data || events[i].data.ptr == &socket_data);
        bits |= events[i].data.ptr == &pipe_data ? 1 : 2;
    }
    return bits;
}

int main() {
    const Pair pair;
    int ends[2];
    CHECK(pipe(ends) == 0);
    char byte;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(epoll >= 0);
    control(EPOLL_CTL_ADD, ends[0], EPOLLIN, &pipe_data);
    CHECK(ready(0) == 0);
    control(EPOLL_CTL_ADD, pair.server, EPOLLIN, &socket_data);
    epoll_event event{};
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event), EEXIST);
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_MOD, pair.client, &event), ENOENT);
    CHECK_FAILS(epoll_ctl(pair.client, EPOLL_CTL_ADD, pair.server, &event), EINVAL);
    CHECK(ready(20) == 0);

    CHECK(write(pair.client, "ab", 2) == 2);
    CHECK(ready(1000) == 2);
    CHECK(ready(1000) == 2);  // level
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(ready(1000) == 3);
    CHECK((ready(0, 1) | ready(0, 1)) == 3);  // neither starves

    control(EPOLL_CTL_MOD, pair.server, EPOLLIN | EPOLLET, &socket_data);
    CHECK(ready(0) == 3);
    CHECK(ready(0) == 1);  // edge
    CHECK(write(pair.client, "c", 1) == 1);
    CHECK(read(ends[0], &byte, 1) == 1);
    CHECK(ready(1000) == 2);
    CHECK(ready(0) == 0);

    control(EPOLL_CTL_MOD, pair.server, EPOLLIN | EPOLLONESHOT, &socket_data);
    CHECK(ready(1000) == 2);
    CHECK(write(pair.client, "d", 1) == 1);
    CHECK(ready(20) == 0);
    control(EPOLL_CTL_MOD, pair.server, EPOLLIN, &socket_data);
    CHECK(ready(1000) == 2);

    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, pair.server, nullptr) == 0);
    CHECK(ready(20) == 0);
    control(EPOLL_CTL_ADD, pair.server, EPOLLIN, &socket_data);
    const int copy = dup(epoll);
    CHECK(close(epoll) == 0);
    epoll = copy;
    CHECK(ready(1000) == 2);
    CHECK(close(pair.server) == 0);
    CHECK(ready(20) == 0);  // closing takes it out
    CHECK_FAILS(epoll_wait(epoll, &event, 0, 0), EINVAL);
}
