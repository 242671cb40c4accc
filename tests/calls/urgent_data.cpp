// SPDX-License-Identifier: GPL-2.0
// Out-of-band data: MSG_OOB, the mark, SO_OOBINLINE, and how poll, select, epoll and SIGURG tell of it.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "check.h"

static volatile sig_atomic_t urgent;

static void await_urgent(int fd) {
    pollfd entry{fd, POLLPRI, 0};
    CHECK(poll(&entry, 1, 2000) == 1 && entry.revents == POLLPRI);
    fd_set except;
    FD_ZERO(&except);
    FD_SET(fd, &except);
    CHECK(select(fd + 1, nullptr, nullptr, &except, nullptr) == 1);
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLPRI;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(epoll_wait(epoll, &event, 1, 2000) == 1 && event.events == EPOLLPRI);
    close(epoll);
}

static void beside_the_stream() {
    const Pair pair;
    char buffer[8] = {};
    CHECK(fcntl(pair.server, F_SETOWN, getpid()) == 0);
    signal(SIGURG, [](int) { urgent = urgent + 1; });
    CHECK_FAILS(recv(pair.server, buffer, 1, MSG_OOB), EINVAL);  // there is none
    CHECK(send(pair.client, "ab", 2, 0) == 2);
    CHECK(send(pair.client, "c!", 2, MSG_OOB) == 2);  // the last byte is the urgent one
    CHECK(urgent == 1);                               // over loopback it is there before send() returns
    CHECK(send(pair.client, "d", 1, 0) == 1);
    await_urgent(pair.server);
    CHECK(sockatmark(pair.server) == 0);
    CHECK(recv(pair.server, buffer, 1, MSG_OOB | MSG_PEEK) == 1 && buffer[0] == '!');
    CHECK(recv(pair.server, buffer, 1, MSG_OOB) == 1 && buffer[0] == '!');
    CHECK_FAILS(recv(pair.server, buffer, 1, MSG_OOB), EINVAL);                              // taken
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 3 && memcmp(buffer, "abc", 3) == 0);  // up to the mark
    CHECK(sockatmark(pair.server) == 1);
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 1 && buffer[0] == 'd');
    CHECK(sockatmark(pair.server) == 0);
}

static void in_the_stream() {
    const Pair pair;
    char buffer[8] = {};
    set_option(pair.server, SOL_SOCKET, SO_OOBINLINE, 1);
    CHECK(send(pair.client, "ab", 2, 0) == 2 && send(pair.client, "!", 1, MSG_OOB) == 1);
    CHECK(send(pair.client, "c", 1, 0) == 1);
    await_urgent(pair.server);
    CHECK_FAILS(recv(pair.server, buffer, 1, MSG_OOB), EINVAL);
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 2 && sockatmark(pair.server) == 1);
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 2 && memcmp(buffer, "!c", 2) == 0);
    CHECK(sockatmark(pair.server) == 0);
}

int main() {
    beside_the_stream();
    in_the_stream();
    CHECK_FAILS(sockatmark(socket(AF_INET, SOCK_DGRAM, 0)), ENOTTY);
    CHECK_FAILS(sockatmark(999), EBADF);
}
