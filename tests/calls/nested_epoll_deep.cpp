// SPDX-License-Identifier: GPL-2.0
// Epoll instances three deep, with host and stack descriptors on each level; circles and too deep a nest are refused.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <thread>

#include "check.h"

static void add(int epoll, int fd, unsigned events = EPOLLIN) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static int ready(int epoll, int ms = 0) {
    epoll_event event{};
    const int count = epoll_wait(epoll, &event, 1, ms);
    CHECK(count >= 0);
    return count == 1 ? event.data.fd : -1;
}

static void three_levels() {
    const Pair low, high;
    const int bell = eventfd(0, 0);
    const int inner = epoll_create1(0), middle = epoll_create1(0), outer = epoll_create1(0);
    add(outer, middle);
    add(middle, inner);
    add(inner, bell);
    add(inner, low.server);
    add(outer, high.server);
    CHECK(ready(outer, 10) == -1);

    std::thread writer([&] {
        sleep_ms(30);
        CHECK(write(low.client, "x", 1) == 1);
    });
    CHECK(ready(outer, 10000) == middle);
    writer.join();
    CHECK(ready(middle) == inner && ready(inner) == low.server);
    char byte;
    CHECK(read(low.server, &byte, 1) == 1);
    CHECK(ready(outer) == -1 && ready(middle) == -1 && ready(inner) == -1);

    std::thread ringer([&] {
        sleep_ms(30);
        CHECK(eventfd_write(bell, 1) == 0);
    });
    pollfd entry{outer, POLLIN, 0};
    CHECK(poll(&entry, 1, 10000) == 1 && entry.revents == POLLIN);
    ringer.join();
    CHECK(ready(outer) == middle && ready(middle) == inner && ready(inner) == bell);
    eventfd_t value;
    CHECK(eventfd_read(bell, &value) == 0);
    CHECK(write(high.client, "x", 1) == 1);
    CHECK(ready(outer, 1000) == high.server);
    CHECK(read(high.server, &byte, 1) == 1);

    CHECK(epoll_ctl(middle, EPOLL_CTL_DEL, inner, nullptr) == 0);
    CHECK(write(low.client, "x", 1) == 1);
    CHECK(ready(outer, 20) == -1 && ready(inner, 1000) == low.server);
    add(middle, inner);
    CHECK(ready(outer, 1000) == middle);
    CHECK(close(inner) == 0);
    CHECK(ready(outer, 20) == -1);
}

/// Edge-triggered on the outside: once per event inside, whichever kernel it comes from.
static void edges() {
    const Pair pair;
    const int bell = eventfd(0, 0);
    const int inner = epoll_create1(0), outer = epoll_create1(0);
    add(inner, pair.server);
    add(inner, bell);
    add(outer, inner, EPOLLIN | EPOLLET);
    CHECK(write(pair.client, "x", 1) == 1);
    CHECK(ready(outer, 1000) == inner && ready(outer, 10) == -1);
    CHECK(eventfd_write(bell, 1) == 0);
    CHECK(ready(outer, 1000) == inner && ready(outer, 10) == -1);
}

static void refusals() {
    const Pair pair;
    const int first = epoll_create1(0), second = epoll_create1(0);
    add(first, pair.server);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK_FAILS(epoll_ctl(first, EPOLL_CTL_ADD, first, &event), EINVAL);
    add(first, second);
    CHECK_FAILS(epoll_ctl(second, EPOLL_CTL_ADD, first, &event), ELOOP);
    CHECK_FAILS(epoll_ctl(first, EPOLL_CTL_ADD, second, &event), EEXIST);
    CHECK(epoll_ctl(first, EPOLL_CTL_DEL, second, nullptr) == 0);
    CHECK_FAILS(epoll_ctl(first, EPOLL_CTL_DEL, second, nullptr), ENOENT);

    int chain[8];
    for (int& epoll : chain) {
        epoll = epoll_create1(0);
    }
    add(chain[0], pair.server);
    int depth = 0;
    while (depth < 7) {
        event.data.fd = chain[depth];
        if (epoll_ctl(chain[depth + 1], EPOLL_CTL_ADD, chain[depth], &event) != 0) {
            CHECK(errno == ELOOP || errno == EINVAL);
            break;
        }
        ++depth;
    }
    CHECK(depth >= 3 && depth <= 5);  // epoll(7) allows five levels
}

int main() {
    three_levels();
    edges();
    refusals();
}
