// SPDX-License-Identifier: GPL-2.0
// shutdown() wakes whoever is blocked on the socket: readers with end of file, writers with EPIPE, acceptors with
// EINVAL, and every kind of wait.
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include <thread>

#include "check.h"

template <typename Blocked, typename Action>
static void wake(Blocked blocked, Action action) {
    std::thread thread(blocked);
    sleep_ms(20);
    action();
    thread.join();
}

static void readers() {
    const Pair pair;
    char byte;
    wake([&] { CHECK(read(pair.server, &byte, 1) == 0); }, [&] { CHECK(shutdown(pair.server, SHUT_RD) == 0); });
    CHECK(write(pair.server, "x", 1) == 1);  // the other direction is open
    const Pair peers;
    wake([&] { CHECK(recv(peers.server, &byte, 1, MSG_WAITALL) == 0); },
         [&] { CHECK(shutdown(peers.client, SHUT_WR) == 0); });
}

static void writers() {
    const Pair pair(kSmallBuffers);
    fill(pair.client);
    wake([&] { CHECK_FAILS(write(pair.client, "x", 1), EPIPE); }, [&] { CHECK(shutdown(pair.client, SHUT_WR) == 0); });
}

static void acceptors() {
    const int listening = listener();
    wake([&] { CHECK_FAILS(accept(listening, nullptr, nullptr), EINVAL); },
         [&] { CHECK(shutdown(listening, SHUT_RD) == 0); });
    CHECK_FAILS(accept(listening, nullptr, nullptr), EINVAL);
    CHECK(listen(listening, 5) == 0);  // and it listens again
    const sockaddr_in address = name_of(listening);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(client, generic(address), sizeof(address)) == 0 && accept(listening, nullptr, nullptr) >= 0);
}

static void waits() {
    const Pair first, second, third;
    wake(
        [&] {
            pollfd entry{first.server, POLLIN, 0};
            CHECK(poll(&entry, 1, 10000) == 1 && (entry.revents & (POLLIN | POLLHUP)) == (POLLIN | POLLHUP));
        },
        [&] { CHECK(shutdown(first.server, SHUT_RDWR) == 0); });
    wake(
        [&] {
            fd_set set;
            FD_ZERO(&set);
            FD_SET(second.server, &set);
            CHECK(select(second.server + 1, &set, nullptr, nullptr, nullptr) == 1);
        },
        [&] { CHECK(shutdown(second.server, SHUT_RD) == 0); });
    wake(
        [&] {
            const int epoll = epoll_create1(0);
            epoll_event event{};
            event.events = EPOLLRDHUP;
            CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, third.server, &event) == 0);
            CHECK(epoll_wait(epoll, &event, 1, 10000) == 1 && (event.events & EPOLLRDHUP) != 0);
        },
        [&] { CHECK(shutdown(third.client, SHUT_WR) == 0); });
}

static void datagrams() {
    const int fd = bound(SOCK_DGRAM);
    const sockaddr_in address = name_of(fd);
    CHECK(connect(fd, generic(address), sizeof(address)) == 0);
    char byte;
    wake([&] { CHECK(recv(fd, &byte, 1, 0) == 0); }, [&] { CHECK(shutdown(fd, SHUT_RD) == 0); });
}

int main() {
    signal(SIGPIPE, SIG_IGN);
    readers();
    writers();
    acceptors();
    waits();
    datagrams();
}
