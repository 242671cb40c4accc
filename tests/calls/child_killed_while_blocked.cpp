// SPDX-License-Identifier: GPL-2.0
// A child killed with SIGKILL while it is blocked in a call on a socket, whichever: the parent goes on with the same
// sockets, and so does another child that was blocked on them beside it.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include <functional>
#include <thread>
#include <vector>

#include "children.h"

constexpr int kRounds = 3;

int main() {
    close_inherited();
    limit_time();
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const Pair pair(kSmallBuffers);
    const Pair full(kSmallBuffers);
    const size_t filled = fill(full.client);
    const int receiver = bound(SOCK_DGRAM);
    const std::vector<std::function<void()>> blocking{
        [&] { accept(listening, nullptr, nullptr); },
        [&] {
            char byte;
            read(pair.server, &byte, 1);
        },
        [&] {
            char byte;
            recv(receiver, &byte, 1, 0);
        },
        [&] {
            const char block[100] = {};
            write(full.client, block, sizeof(block));
        },
        [&] {
            pollfd entries[2] = {{listening, POLLIN, 0}, {pair.server, POLLIN, 0}};
            poll(entries, 2, -1);
        },
        [&] {
            fd_set wanted;
            FD_ZERO(&wanted);
            FD_SET(pair.server, &wanted);
            select(pair.server + 1, &wanted, nullptr, nullptr, nullptr);
        },
        [&] {
            const int epoll = epoll_create1(0);
            epoll_event event{};
            event.events = EPOLLIN;
            CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event) == 0);
            epoll_wait(epoll, &event, 1, -1);
        },
        [&] {  // several threads, each in another call
            std::thread([&] { accept(listening, nullptr, nullptr); }).detach();
            std::thread([&] {
                char byte;
                recv(receiver, &byte, 1, 0);
            }).detach();
            char byte;
            read(pair.server, &byte, 1);
        },
    };
    const pid_t beside = in_child([&] {
        const size_t rounds = blocking.size() * kRounds;
        for (size_t i = 0; i < rounds; ++i) {
            const int fd = accept(listening, nullptr, nullptr);
            CHECK(fd >= 0);
            say(fd, "beside");
            close(fd);
        }
    });
    for (int round = 0; round < kRounds; ++round) {
        for (const auto& call : blocking) {
            const Bell ready;
            const pid_t child = in_child([&] {
                ready.ring();
                call();
                CHECK(!"it came back");
            });
            ready.wait();
            sleep_ms(300);  // until it is blocked
            CHECK(kill(child, SIGKILL) == 0);
            expect_signal(child, SIGKILL);
            const int client = connected_to(address);
            hear(client, "beside");
            hear_end(client);
            close(client);
            talk(pair.client, pair.server);
        }
    }
    expect_success(beside);
    // The parent itself on the same listener, and what the blocked writers did not write.
    const int client = connected_to(address);
    const int server = accept(listening, nullptr, nullptr);
    talk(client, server);
    CHECK(shutdown(full.client, SHUT_WR) == 0);
    static char buffer[65536];
    size_t total = 0;
    for (ssize_t got; (got = read(full.server, buffer, sizeof(buffer))) > 0;) {
        total += static_cast<size_t>(got);
    }
    CHECK(total >= filled && total <= filled + kRounds * 100);
}
