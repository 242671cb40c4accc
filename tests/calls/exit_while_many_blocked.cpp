// SPDX-License-Identifier: GPL-2.0
// exit() with fifty threads blocked, in every call that blocks, some in the middle of sending: the process ends at
// once and no blocked call comes back; atexit handlers may still use sockets.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include <thread>
#include <vector>

#include "check.h"

static std::vector<Pair>* pairs;
static int listening;

static long block_in(int way, const Pair& pair) {
    char byte;
    pollfd entry{pair.server, POLLIN, 0};
    epoll_event event{};
    fd_set set;
    switch (way) {
        case 0:
            return read(pair.server, &byte, 1);
        case 1:
            return accept(listening, nullptr, nullptr);
        case 2:
            return poll(&entry, 1, -1);
        case 3: {
            const int epoll = epoll_create1(0);
            event.events = EPOLLIN | EPOLLRDHUP;
            epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event);
            return epoll_wait(epoll, &event, 1, -1);
        }
        case 4:
            FD_ZERO(&set);
            FD_SET(pair.server, &set);
            return select(pair.server + 1, &set, nullptr, nullptr, nullptr);
        default:
            fill(pair.client);
            return send(pair.client, "x", 1, 0);
    }
}

int main() {
    pairs = new std::vector<Pair>;
    for (int i = 0; i < 50; ++i) {
        pairs->emplace_back(kSmallBuffers);
    }
    listening = listener();
    for (size_t i = 0; i < pairs->size(); ++i) {
        std::thread([i] {
            const int way = static_cast<int>(i % 6);
            const long result = block_in(way, (*pairs)[i]);
            fprintf(stderr, "call %d came back with %ld\n", way, result);
            _exit(1);
        }).detach();
    }
    CHECK(atexit([] {
              const Pair late;
              char byte = 0;
              CHECK(write(late.client, "l", 1) == 1 && read(late.server, &byte, 1) == 1 && byte == 'l');
          }) == 0);
    sleep_ms(600);  // fill() takes its time
    alarm(5);       // the promptness
    exit(0);
}
