// SPDX-License-Identifier: GPL-2.0
// ppoll, pselect and epoll_pwait let a blocked signal in only while they wait: the race they were made for.
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "check.h"

static volatile sig_atomic_t handled;

int main() {
    const Pair pair;
    struct sigaction action {};
    action.sa_handler = [](int) { handled = handled + 1; };
    CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
    sigset_t blocked, none, now;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, nullptr) == 0);

    pollfd entry{pair.server, POLLIN, 0};
    const timespec limit{5, 0};
    raise(SIGUSR1);
    CHECK(poll(&entry, 1, 20) == 0 && handled == 0);
    CHECK_FAILS(ppoll(&entry, 1, &limit, &none), EINTR);
    CHECK(handled == 1);

    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(pair.server, &readable);
    raise(SIGUSR1);
    CHECK_FAILS(pselect(pair.server + 1, &readable, nullptr, nullptr, &limit, &none), EINTR);
    CHECK(handled == 2);

    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    raise(SIGUSR1);
    CHECK_FAILS(epoll_pwait(epoll, &event, 1, 5000, &none), EINTR);
    CHECK(handled == 3);

    // Something is ready: that is the answer, and the signal stays pending.
    CHECK(write(pair.client, "x", 1) == 1);
    CHECK(poll(&entry, 1, 1000) == 1);
    raise(SIGUSR1);
    CHECK(ppoll(&entry, 1, &limit, &none) == 1);
    CHECK(handled == 3);
    CHECK(sigprocmask(SIG_SETMASK, nullptr, &now) == 0 && sigismember(&now, SIGUSR1) == 1);
    CHECK(sigprocmask(SIG_SETMASK, &none, nullptr) == 0);
    CHECK(handled == 4);
}
