// SPDX-License-Identifier: GPL-2.0
// Another thread's epoll_ctl is seen by a thread that waits already: a ready socket added, one modified so that it is
// ready, one armed anew; with every kind of descriptor in the instance before.
#include <sys/epoll.h>

#include <thread>

#include "check.h"

enum What { kNothing, kHost, kStack };

static void control(int epoll, int operation, int fd, unsigned events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    CHECK(epoll_ctl(epoll, operation, fd, &event) == 0);
}

/// `change` makes `fd` ready for a thread that waits on `epoll`.
template <typename Change>
static void expect_wake(int epoll, int fd, Change change) {
    std::thread waiter([&] {
        epoll_event event{};
        CHECK(epoll_wait(epoll, &event, 1, 10000) == 1);
        CHECK(event.data.fd == fd);
    });
    sleep_ms(20);
    change();
    waiter.join();
}

static void exercise(What before) {
    const Pair pair;
    const Pair silent;
    int ends[2];
    CHECK(pipe(ends) == 0);
    const int epoll = epoll_create1(0);
    if (before != kNothing) {
        control(epoll, EPOLL_CTL_ADD, before == kHost ? ends[0] : silent.server, EPOLLIN);
    }
    CHECK(write(pair.client, "x", 1) == 1);
    const int fd = pair.server;
    expect_wake(epoll, fd, [&] { control(epoll, EPOLL_CTL_ADD, fd, EPOLLIN); });
    control(epoll, EPOLL_CTL_MOD, fd, 0);
    expect_wake(epoll, fd, [&] { control(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT); });
    expect_wake(epoll, fd, [&] { control(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT); });
    expect_wake(epoll, fd, [&] { control(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT); });
    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr) == 0);

    CHECK(write(ends[1], "x", 1) == 1);
    const int host = dup(ends[0]);
    if (before != kHost) {
        expect_wake(epoll, host, [&] { control(epoll, EPOLL_CTL_ADD, host, EPOLLIN); });
    }
    for (const int used : {pair.client, pair.server, silent.client, silent.server, ends[0], ends[1], host, epoll}) {
        close(used);
    }
}

int main() {
    exercise(kNothing);
    exercise(kHost);
    exercise(kStack);
}
