// SPDX-License-Identifier: GPL-2.0
// Threads fork at the same time while others are blocked in poll, epoll_wait, accept and recv: the children use the
// sockets or not, and every thread that was blocked is woken by what it waited for.
#include <poll.h>
#include <sys/epoll.h>

#include <atomic>
#include <thread>
#include <vector>

#include "children.h"

constexpr int kForkers = 4;
constexpr int kForks = 25;

int main() {
    close_inherited();
    limit_time();
    const Pair polled, watched, read_from;
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    std::atomic<int> woken{0};
    std::vector<std::thread> blocked;
    blocked.emplace_back([&] {
        pollfd entry{polled.server, POLLIN, 0};
        CHECK(poll(&entry, 1, 15000) == 1);
        ++woken;
    });
    blocked.emplace_back([&] {
        const int epoll = epoll_create1(0);
        epoll_event event{};
        event.events = EPOLLIN;
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, watched.server, &event) == 0);
        CHECK(epoll_wait(epoll, &event, 1, 15000) == 1);
        ++woken;
    });
    blocked.emplace_back([&] {
        CHECK(accept(listening, nullptr, nullptr) >= 0);
        ++woken;
    });
    blocked.emplace_back([&] {
        hear(read_from.server, "x");
        ++woken;
    });
    std::vector<std::thread> forkers;
    for (int f = 0; f < kForkers; ++f) {
        forkers.emplace_back([&] {
            const Pair own;
            for (int i = 0; i < kForks; ++i) {
                const pid_t child = in_child([&] {
                    if (i % 3 == 0) {
                        talk(own.client, own.server);
                    } else if (i % 3 == 1) {
                        const Pair fresh;
                        talk(fresh.client, fresh.server);
                    }
                });
                expect_success(child);
            }
            talk(own.client, own.server);
        });
    }
    for (std::thread& forker : forkers) {
        forker.join();
    }
    CHECK(woken == 0);
    say(polled.client, "x");
    say(watched.client, "x");
    say(read_from.client, "x");
    const int client = connected_to(address);
    for (std::thread& thread : blocked) {
        thread.join();
    }
    CHECK(woken == 4);
    close(client);
}
