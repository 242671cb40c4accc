// SPDX-License-Identifier: GPL-2.0
// Threads wait in epoll_wait on an instance that watches nothing of the network; then another thread adds a socket.
// The waiters must notice it. (An acceptor that hands connections to workers does this.)
#include <sys/epoll.h>

#include <thread>

#include "check.h"

int main() {
    const int epoll = epoll_create1(0);
    int ends[2];
    CHECK(pipe(ends) == 0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = 1;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);

    const auto wait_for = [epoll](std::uint64_t data) {
        epoll_event got{};
        CHECK(epoll_wait(epoll, &got, 1, 10000) == 1);
        CHECK(got.data.u64 == data);
    };
    std::thread first(wait_for, 2);
    std::thread second(wait_for, 2);
    sleep_ms(50);
    const Pair pair;
    event.data.u64 = 2;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    sleep_ms(20);
    CHECK(write(pair.client, "x", 1) == 1);
    first.join();
    second.join();

    char byte;
    CHECK(read(pair.server, &byte, 1) == 1);
    std::thread third(wait_for, 1);
    sleep_ms(20);
    CHECK(write(ends[1], "x", 1) == 1);
    third.join();
}
