// SPDX-License-Identifier: GPL-2.0
// fork() while other threads are blocked in accept, read and epoll_wait. The child has none of these threads; they go
// on in the parent, woken by what the child does to the same sockets.
#include <sys/epoll.h>

#include <thread>

#include "children.h"

constexpr int kRounds = 10;

int main() {
    close_inherited();
    limit_time();
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const Pair read_from, watched;
    const int epoll = epoll_create1(0);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = 0x123456789abcULL;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, watched.server, &wanted) == 0);

    std::thread acceptor([&] {
        for (int i = 0; i < kRounds; ++i) {
            const int fd = accept(listening, nullptr, nullptr);
            CHECK(fd >= 0);
            say(fd, "thread");
            close(fd);
        }
    });
    std::thread reader([&] {
        for (int i = 0; i < kRounds; ++i) {
            hear(read_from.server, "r");
            say(read_from.server, "R");
        }
    });
    std::thread waiter([&] {
        for (int i = 0; i < kRounds; ++i) {
            epoll_event event{};
            CHECK(epoll_wait(epoll, &event, 1, -1) == 1 && event.data.u64 == wanted.data.u64);
            hear(watched.server, "e");
            say(watched.server, "E");
        }
    });
    for (int i = 0; i < kRounds; ++i) {
        sleep_ms(20);
        child_does([&] {
            const int fd = connected_to(address);
            hear(fd, "thread");
            hear_end(fd);
            say(read_from.client, "r");
            hear(read_from.client, "R");
            say(watched.client, "e");
            hear(watched.client, "E");
            // It may block just as well, on sockets of its own.
            const Pair own;
            std::thread([&] { talk(own.client, own.server); }).join();
        });
    }
    acceptor.join();
    reader.join();
    waiter.join();
}
