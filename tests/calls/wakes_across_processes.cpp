// SPDX-License-Identifier: GPL-2.0
// Who is blocked is woken by another process: a token goes round a ring of processes a thousand times, each blocked in
// a call of another kind until the one before it has written; and with threads in between.
#include <sys/epoll.h>
#include <sys/select.h>

#include <thread>
#include <vector>

#include "children.h"

constexpr int kStations = 6;
constexpr unsigned kTurns = 1000;

static void wait_for_data(int station, int fd) {
    pollfd entry{fd, POLLIN, 0};
    fd_set wanted;
    switch (station % 4) {
        case 1:
            CHECK(poll(&entry, 1, -1) == 1);
            break;
        case 2:
            FD_ZERO(&wanted);
            FD_SET(fd, &wanted);
            CHECK(select(fd + 1, &wanted, nullptr, nullptr, nullptr) == 1);
            break;
        case 3: {
            static thread_local int epoll = -1;
            epoll_event event{};
            event.events = EPOLLIN;
            if (epoll < 0) {
                epoll = epoll_create1(0);
                CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
            }
            CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
            break;
        }
        default:
            break;  // read() itself waits
    }
}

static void pass_on(int station, int from, int to) {
    unsigned number = 0;
    for (unsigned turn = 1; turn <= kTurns; ++turn) {
        wait_for_data(station, from);
        CHECK(recv(from, &number, sizeof(number), MSG_WAITALL) == sizeof(number));
        CHECK(number == turn * kStations + static_cast<unsigned>(station));
        ++number;
        if (station == kStations - 1 && turn == kTurns) {
            return;
        }
        CHECK(send(to, &number, sizeof(number), 0) == sizeof(number));
    }
}

int main() {
    close_inherited();
    limit_time();
    const Pair links[kStations];
    std::vector<pid_t> children;
    for (int i = 1; i < kStations; ++i) {
        children.push_back(in_child(
            [&] { std::thread([&] { pass_on(i, links[i].server, links[(i + 1) % kStations].client); }).join(); }));
    }
    const unsigned first = kStations;
    CHECK(send(links[0].client, &first, sizeof(first), 0) == sizeof(first));
    pass_on(0, links[0].server, links[1].client);
    for (const pid_t child : children) {
        expect_success(child);
    }
}
