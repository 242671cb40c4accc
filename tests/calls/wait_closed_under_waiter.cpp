// SPDX-License-Identifier: GPL-2.0
// A descriptor closed, and its number given to something else, while another thread polls, selects or epoll_waits on
// it. As in Linux the waiter is not disturbed; what it looks at afterwards is the number's new meaning, or nothing.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include <thread>

#include "check.h"

/// poll: still asleep after the close; the old file's wake-up then finds a number that is closed.
static void poll_closed() {
    const Pair pair;
    std::thread waiter([&] {
        pollfd entry{pair.server, POLLIN, 0};
        CHECK(poll(&entry, 1, 10000) == 1 && entry.revents == POLLNVAL);
    });
    sleep_ms(30);
    CHECK(close(pair.server) == 0);
    sleep_ms(30);
    CHECK(write(pair.client, "x", 1) == 1);
    waiter.join();
    close(pair.client);
}

/// The number is a file by the time of the wake-up: files are always readable.
static void poll_reused() {
    const Pair pair;
    std::thread waiter([&] {
        pollfd entry{pair.server, POLLIN, 0};
        CHECK(poll(&entry, 1, 10000) == 1 && entry.revents == POLLIN);
    });
    sleep_ms(30);
    const int file = open("/dev/zero", O_RDONLY);
    CHECK(dup2(file, pair.server) == pair.server);
    sleep_ms(30);
    CHECK(write(pair.client, "x", 1) == 1);
    waiter.join();
    close(file);
    close(pair.client);
    close(pair.server);
}

/// select is not woken either; when it is by another descriptor, the number that is gone counts as ready.
static void select_closed() {
    const Pair pair;
    int ends[2];
    CHECK(pipe(ends) == 0);
    std::thread waiter([&] {
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(pair.server, &readable);
        FD_SET(ends[0], &readable);
        CHECK(select(64, &readable, nullptr, nullptr, nullptr) == 2);
        CHECK(FD_ISSET(ends[0], &readable) && FD_ISSET(pair.server, &readable));
    });
    sleep_ms(30);
    CHECK(close(pair.server) == 0);
    sleep_ms(30);
    CHECK(write(ends[1], "x", 1) == 1);
    waiter.join();
    close(pair.client);
    close(ends[0]);
    close(ends[1]);
}

/// epoll forgets a file whose last number is closed, also under a waiter; the number's next file is not watched.
static void epoll_closed() {
    Pair pair;
    const Pair other;
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = pair.server;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    event.data.fd = other.server;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, other.server, &event) == 0);
    std::thread waiter([&] {
        epoll_event got{};
        CHECK(epoll_wait(epoll, &got, 1, 10000) == 1 && got.data.fd == other.server);
    });
    sleep_ms(30);
    const int number = pair.server;
    CHECK(close(pair.server) == 0);
    pair = Pair();
    CHECK(dup2(pair.server, number) == number);
    CHECK(write(pair.client, "x", 1) == 1);
    sleep_ms(30);
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_MOD, number, &event), ENOENT);
    CHECK(write(other.client, "x", 1) == 1);
    waiter.join();
}

/// A copy keeps the file alive, and watched, under the number it was added by.
static void epoll_copied() {
    const Pair pair;
    const int epoll = epoll_create1(0);
    const int copy = dup(pair.server);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = 77;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    CHECK(close(pair.server) == 0);
    CHECK(write(pair.client, "x", 1) == 1);
    CHECK(epoll_wait(epoll, &event, 1, 1000) == 1 && event.data.u64 == 77);
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_DEL, copy, nullptr), ENOENT);
    CHECK(close(copy) == 0);
    CHECK(epoll_wait(epoll, &event, 1, 20) == 0);
}

int main() {
    poll_closed();
    poll_reused();
    select_closed();
    epoll_closed();
    epoll_copied();
}
