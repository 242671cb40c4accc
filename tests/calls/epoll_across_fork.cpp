// SPDX-License-Identifier: GPL-2.0
// An epoll instance of before the fork is one instance: what the child adds, changes or takes off is so for the parent;
// a socket stays in it until its last descriptor is closed, in whichever process; either may wait on it.
#include <sys/epoll.h>

#include "children.h"

static void control(int epoll, int operation, int fd, unsigned events, uint64_t data = 0) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = data;
    CHECK(epoll_ctl(epoll, operation, fd, &event) == 0);
}

static void expect_event(int epoll, unsigned events, uint64_t data) {
    epoll_event event{};
    CHECK(epoll_wait(epoll, &event, 1, 5000) == 1);
    CHECK(event.events == events && event.data.u64 == data);
}

static void expect_none(int epoll) {
    epoll_event event{};
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
}

static void either_waits() {
    const int epoll = epoll_create1(0);
    const Pair pair;
    control(epoll, EPOLL_CTL_ADD, pair.server, EPOLLIN, 0xabcdef0123456789);
    pid_t child = in_child([&] {
        expect_event(epoll, EPOLLIN, 0xabcdef0123456789);
        hear(pair.server, "to the child");
    });
    sleep_ms(50);
    say(pair.client, "to the child");
    expect_success(child);
    expect_none(epoll);
    child = in_child([&] {
        sleep_ms(50);
        say(pair.client, "to the parent");
    });
    expect_event(epoll, EPOLLIN, 0xabcdef0123456789);
    hear(pair.server, "to the parent");
    expect_success(child);
    close(epoll);
    close(pair.client);
    close(pair.server);
}

static void changes_are_shared() {
    const int epoll = epoll_create1(0);
    const Pair pair;
    control(epoll, EPOLL_CTL_ADD, pair.server, EPOLLIN, 1);
    child_does([&] { control(epoll, EPOLL_CTL_MOD, pair.server, EPOLLOUT, 2); });
    expect_event(epoll, EPOLLOUT, 2);
    child_does([&] { control(epoll, EPOLL_CTL_DEL, pair.server, 0); });
    expect_none(epoll);
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_DEL, pair.server, nullptr), ENOENT);
    child_does([&] { control(epoll, EPOLL_CTL_ADD, pair.server, EPOLLOUT, 3); });
    expect_event(epoll, EPOLLOUT, 3);
    epoll_event again{};
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &again), EEXIST);
    close(epoll);
    close(pair.client);
    close(pair.server);
}

/// A socket that only the child has wakes the parent; with the child it leaves the instance.
static void child_adds_its_own() {
    const int epoll = epoll_create1(0);
    const Bell go;
    const pid_t child = in_child([&] {
        const Pair own;
        control(epoll, EPOLL_CTL_ADD, own.server, EPOLLIN, 77);
        sleep_ms(50);
        say(own.client, "x");
        go.wait();
    });
    expect_event(epoll, EPOLLIN, 77);
    expect_event(epoll, EPOLLIN, 77);
    go.ring();
    expect_success(child);
    expect_none(epoll);
    close(epoll);
}

static void stays_until_the_last_close() {
    const int epoll = epoll_create1(0);
    const Pair pair;
    control(epoll, EPOLL_CTL_ADD, pair.server, EPOLLIN, 5);
    const Bell go;
    child_does([&] { close(pair.server); });
    const pid_t child = in_child([&] { go.wait(); });
    say(pair.client, "x");
    expect_event(epoll, EPOLLIN, 5);
    CHECK(close(pair.server) == 0);  // the child has it still
    expect_event(epoll, EPOLLIN, 5);
    go.ring();
    expect_success(child);
    expect_none(epoll);
    close(epoll);
    close(pair.client);
}

/// Edge triggered: what one process was told, the other is not told again.
static void edges_are_told_once() {
    const int epoll = epoll_create1(0);
    const Pair pair;
    control(epoll, EPOLL_CTL_ADD, pair.server, EPOLLIN | EPOLLET, 6);
    say(pair.client, "x");
    child_does([&] { expect_event(epoll, EPOLLIN, 6); });
    expect_none(epoll);
    say(pair.client, "y");
    expect_event(epoll, EPOLLIN, 6);
    child_does([&] { expect_none(epoll); });
    close(epoll);
    close(pair.client);
    close(pair.server);
}

int main() {
    close_inherited();
    limit_time();
    either_waits();
    changes_are_shared();
    child_adds_its_own();
    stays_until_the_last_close();
    edges_are_told_once();
}
