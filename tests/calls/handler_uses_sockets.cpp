// SPDX-License-Identifier: GPL-2.0
// A signal handler may make any call POSIX lists as async-signal-safe: here one that opens, binds, connects, accepts,
// polls, selects, sends and closes, while the thread it interrupts is blocked in recv, poll or epoll_wait, or busy
// sending.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

#include "check.h"

static volatile sig_atomic_t runs;
static int wake_up = -1;

static void use_sockets() {
    const Pair pair;
    pollfd entry{pair.server, POLLIN, 0};
    CHECK(poll(&entry, 1, 0) == 0);
    CHECK(send(pair.client, "x", 1, 0) == 1 && poll(&entry, 1, 1000) == 1);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pair.server, &set);
    CHECK(select(pair.server + 1, &set, nullptr, nullptr, nullptr) == 1);
    CHECK(option_of(pair.client, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
    CHECK(fcntl(pair.server, F_SETFL, O_NONBLOCK) == 0);
    char byte;
    CHECK(recv(pair.server, &byte, 1, 0) == 1);
    CHECK_FAILS(read(pair.server, &byte, 1), EAGAIN);
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    const int copy = dup(pair.server);
    CHECK(close(pair.server) == 0 && close(copy) == 0 && close(pair.client) == 0);
}

static void on_alarm(int) {
    const int saved = errno;
    use_sockets();
    runs = runs + 1;
    if (runs % 3 == 0) {
        CHECK(write(wake_up, "w", 1) == 1);
    }
    errno = saved;
}

int main() {
    const Pair pair;
    wake_up = pair.client;
    struct sigaction action {};
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &action, nullptr) == 0);
    const itimerval often{{0, 10000}, {0, 10000}};
    CHECK(setitimer(ITIMER_REAL, &often, nullptr) == 0);

    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    pollfd entry{pair.server, POLLIN, 0};
    char byte;
    for (int round = 0; round < 5; ++round) {
        CHECK(recv(pair.server, &byte, 1, 0) == 1);  // woken by the third handler, restarted after the others
        while (poll(&entry, 1, -1) != 1) {
            CHECK(errno == EINTR);
        }
        CHECK(recv(pair.server, &byte, 1, 0) == 1);
        while (epoll_wait(epoll, &event, 1, -1) != 1) {
            CHECK(errno == EINTR);
        }
        CHECK(recv(pair.server, &byte, 1, 0) == 1);
    }
    const Pair busy;
    const int until = runs + 10;
    while (runs < until) {
        CHECK(send(busy.client, "data", 4, 0) == 4);
        char data[4];
        CHECK(recv(busy.server, data, 4, MSG_WAITALL) == 4 && memcmp(data, "data", 4) == 0);
    }
}
