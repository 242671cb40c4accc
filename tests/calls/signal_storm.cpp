// SPDX-License-Identifier: GPL-2.0
// Signals rain on threads that read, write and wait, and every handler uses a socket itself. Nothing is lost, nothing
// hangs, no restart code leaks.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"

constexpr int kThreads = 8;
constexpr int kRounds = 3000;

static int handler_socket;
static sockaddr_in handler_address;
static std::atomic<int> handled{0};

static void on_signal(int) {
    const int saved = errno;
    handled.fetch_add(1);
    sendto(handler_socket, "s", 1, MSG_DONTWAIT, generic(handler_address), sizeof(handler_address));
    errno = saved;
}

static void echo(int fd) {
    char byte;
    for (;;) {
        const ssize_t got = read(fd, &byte, 1);
        if (got == 0) {
            close(fd);
            return;
        }
        CHECK(got == 1);
        CHECK(write(fd, &byte, 1) == 1);
    }
}

/// Waits for an answer in one of three ways; those that answer EINTR are tried again.
static void await(int fd, int epoll, int way) {
    for (;;) {
        int ready = 1;
        epoll_event event{};
        pollfd entry{fd, POLLIN, 0};
        if (way == 1) {
            ready = poll(&entry, 1, 10000);
        } else if (way == 2) {
            ready = epoll_wait(epoll, &event, 1, 10000);
        }
        if (ready == 1) {
            return;
        }
        CHECK(ready == -1 && errno == EINTR);
    }
}

static void ask(const Pair& pair) {
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.client, &event) == 0);
    for (int i = 0; i < kRounds; ++i) {
        const char sent = static_cast<char>(i);
        char byte = 0;
        CHECK(write(pair.client, &sent, 1) == 1);
        await(pair.client, epoll, i % 3);
        CHECK(read(pair.client, &byte, 1) == 1 && byte == sent);
    }
    close(epoll);
    close(pair.client);
}

int main() {
    handler_socket = bound(SOCK_DGRAM);
    handler_address = name_of(handler_socket);
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);

    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads / 2; ++i) {
        const Pair pair;
        threads.emplace_back(echo, pair.server);
        threads.emplace_back(ask, pair);
    }
    std::vector<pthread_t> targets;
    for (std::thread& thread : threads) {
        targets.push_back(thread.native_handle());
    }
    std::atomic<bool> done{false};
    std::thread rain([&] {
        for (unsigned i = 0; !done; ++i) {
            pthread_kill(targets[i % targets.size()], SIGUSR1);
            sleep_ms(i % 4 == 0 ? 1 : 0);
        }
    });
    // The threads stay joinable, so that their handles are good until the rain has stopped.
    sleep_ms(1500);
    done = true;
    rain.join();
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(handled > 100);
}
