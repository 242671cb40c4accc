// SPDX-License-Identifier: GPL-2.0
// epoll_pwait2: time limits in nanoseconds, no limit, a signal mask, bad times; over a socket and a pipe.
#include <sys/epoll.h>

#include "interrupt.h"

static long now_us() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int main() {
    const Pair pair;
    int ends[2];
    CHECK(pipe(ends) == 0);
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = ends[0];
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
    event.data.fd = pair.server;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);

    timespec limit{0, 0};
    CHECK(epoll_pwait2(epoll, &event, 1, &limit, nullptr) == 0);
    limit.tv_nsec = 500'000;
    const long start = now_us();
    CHECK(epoll_pwait2(epoll, &event, 1, &limit, nullptr) == 0);
    CHECK(now_us() - start >= 500);
    CHECK(limit.tv_sec == 0 && limit.tv_nsec == 500'000);  // left alone
    limit.tv_nsec = 1'000'000'000;
    CHECK_FAILS(epoll_pwait2(epoll, &event, 1, &limit, nullptr), EINVAL);
    limit = timespec{-1, 0};
    CHECK_FAILS(epoll_pwait2(epoll, &event, 1, &limit, nullptr), EINVAL);
    limit = timespec{1, 0};
    CHECK_FAILS(epoll_pwait2(epoll, &event, 0, &limit, nullptr), EINVAL);
    CHECK_FAILS(epoll_pwait2(pair.server, &event, 1, &limit, nullptr), EINVAL);
    CHECK_FAILS(epoll_pwait2(999, &event, 1, &limit, nullptr), EBADF);

    std::thread writer([&] {
        sleep_ms(20);
        CHECK(write(pair.client, "x", 1) == 1);
    });
    CHECK(epoll_pwait2(epoll, &event, 1, nullptr, nullptr) == 1 && event.data.fd == pair.server);
    writer.join();
    char byte;
    CHECK(read(pair.server, &byte, 1) == 1);

    count_signals(SA_RESTART);
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, nullptr) == 0);
    raise(SIGUSR1);
    limit = timespec{0, 10'000'000};
    CHECK(epoll_pwait2(epoll, &event, 1, &limit, &blocked) == 0 && handled == 0);
    limit = timespec{5, 0};
    CHECK_FAILS(epoll_pwait2(epoll, &event, 1, &limit, &none), EINTR);
    CHECK(handled == 1);
}
