// SPDX-License-Identifier: GPL-2.0
// EPOLLEXCLUSIVE: of several instances that watch one listener at least one is woken, and none misses its turn; what
// epoll_ctl(2) forbids with it is EINVAL.
#include <fcntl.h>
#include <sys/epoll.h>

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"

constexpr int kWorkers = 4;
constexpr int kConnections = 20;

static std::atomic<int> accepted{0};

/// Waits in an epoll instance of its own and accepts, until `last` is readable.
static void work(int listening, int last) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    event.data.fd = listening;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event) == 0);
    event.events = EPOLLIN;
    event.data.fd = last;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, last, &event) == 0);
    for (;;) {
        CHECK(epoll_wait(epoll, &event, 1, 10000) == 1);
        if (event.data.fd == last) {
            close(epoll);
            return;
        }
        const int fd = accept(listening, nullptr, nullptr);
        if (fd >= 0) {
            accepted.fetch_add(1);
            close(fd);
        } else {
            CHECK(errno == EAGAIN);  // another worker was faster
        }
    }
}

int main() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    CHECK(fcntl(listening, F_SETFL, O_NONBLOCK) == 0);
    int last[2];
    CHECK(pipe(last) == 0);

    const int epoll = epoll_create1(0);
    const int inner = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event), EINVAL);
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, inner, &event), EINVAL);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event) == 0);
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_MOD, listening, &event), EINVAL);
    event.events = EPOLLIN;
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_MOD, listening, &event), EINVAL);
    CHECK(close(epoll) == 0 && close(inner) == 0);

    std::vector<std::thread> workers;
    for (int i = 0; i < kWorkers; ++i) {
        workers.emplace_back(work, listening, last[0]);
    }
    sleep_ms(50);
    for (int i = 0; i < kConnections; ++i) {
        const int client = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect(client, generic(address), sizeof(address)) == 0);
        char byte;
        CHECK(read(client, &byte, 1) == 0);  // somebody took it
        close(client);
    }
    CHECK(accepted == kConnections);
    CHECK(write(last[1], "x", 1) == 1);
    for (std::thread& worker : workers) {
        worker.join();
    }
}
