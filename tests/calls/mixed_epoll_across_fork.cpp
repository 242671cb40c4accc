// SPDX-License-Identifier: GPL-2.0
// An epoll instance with sockets, a pipe and an eventfd in it, shared by parent and child: each of them is told of
// either kind, whoever added it and when.
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "children.h"

static void add(int epoll, int fd, uint64_t data) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = data;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

/// Exactly these are ready; `data` is a bit each. Waits until they are.
static void expect_events(int epoll, uint64_t data) {
    epoll_event events[8];
    uint64_t seen = 0;
    for (const long end = now_ms() + 5000; seen != data && now_ms() < end;) {
        const int count = epoll_wait(epoll, events, 8, 1000);
        CHECK(count >= 0);
        for (int i = 0; i < count; ++i) {
            seen |= events[i].data.u64;
        }
    }
    CHECK(seen == data);
}

int main() {
    close_inherited();
    limit_time();
    const int epoll = epoll_create1(0);
    const Pair pair;
    int ends[2];
    CHECK(pipe(ends) == 0);
    const int event = eventfd(0, 0);
    add(epoll, pair.server, 1);
    add(epoll, ends[0], 2);

    pid_t child = in_child([&] {
        expect_events(epoll, 1);
        hear(pair.server, "s");
        expect_events(epoll, 2);
        hear(ends[0], "p");
        add(epoll, event, 4);
    });
    sleep_ms(30);
    say(pair.client, "s");
    sleep_ms(100);
    say(ends[1], "p");
    expect_success(child);

    // What the child added; and all at once.
    const uint64_t one = 1;
    CHECK(write(event, &one, sizeof(one)) == sizeof(one));
    expect_events(epoll, 4);
    child_does([&] {
        say(pair.client, "s");
        say(ends[1], "p");
    });
    expect_events(epoll, 1 | 2 | 4);
    child_does([&] { expect_events(epoll, 1 | 2 | 4); });

    // A parent that is blocked is woken by either kind that its child adds or makes ready.
    hear(pair.server, "s");
    hear(ends[0], "p");
    uint64_t value;
    CHECK(read(event, &value, sizeof(value)) == sizeof(value));
    const Bell done;
    child = in_child([&] {
        const Pair own;
        sleep_ms(30);
        say(own.client, "x");
        add(epoll, own.server, 8);
        done.wait();
    });
    expect_events(epoll, 8);
    done.ring();
    expect_success(child);
    child = in_child([&] {
        sleep_ms(30);
        say(ends[1], "p");
    });
    expect_events(epoll, 2);
    expect_success(child);
}
