// SPDX-License-Identifier: GPL-2.0
// As servers with several worker processes do it: each has its own epoll instance with the one listener in it,
// exclusive, and a non-blocking accept. Every connection is served, whichever worker is woken; a worker that ends takes
// none along.
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include "children.h"

constexpr int kWorkers = 4;
constexpr int kConnections = 100;

[[noreturn]] static void work(int listening) {
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    event.data.fd = listening;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event) == 0);
    for (;;) {
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        if (event.data.fd == listening) {
            const int fd = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK);
            if (fd < 0) {
                CHECK(errno == EAGAIN);
                continue;
            }
            event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
            event.data.fd = fd;
            CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
            continue;
        }
        char buffer[16];
        const ssize_t got = read(event.data.fd, buffer, sizeof(buffer));
        if (got <= 0) {
            close(event.data.fd);
        } else {
            CHECK(write(event.data.fd, buffer, static_cast<size_t>(got)) == got);
        }
    }
}

static void all_are_served(const sockaddr_in& address) {
    int clients[kConnections];
    for (int& client : clients) {
        client = connected_to(address);
        say(client, "question");
    }
    for (const int client : clients) {
        hear(client, "question");
        CHECK(close(client) == 0);
    }
}

int main() {
    close_inherited();
    limit_time();
    const int listening = bound(SOCK_STREAM);
    CHECK(listen(listening, 256) == 0);
    CHECK(fcntl(listening, F_SETFL, O_NONBLOCK) == 0);
    const sockaddr_in address = name_of(listening);
    pid_t workers[kWorkers];
    for (pid_t& worker : workers) {
        worker = in_child([&] { work(listening); });
    }
    for (const pid_t worker : workers) {
        all_are_served(address);
        if (worker != workers[kWorkers - 1]) {
            CHECK(kill(worker, SIGTERM) == 0);
            expect_signal(worker, SIGTERM);
        }
    }
    CHECK(kill(workers[kWorkers - 1], SIGTERM) == 0);
    expect_signal(workers[kWorkers - 1], SIGTERM);
}
