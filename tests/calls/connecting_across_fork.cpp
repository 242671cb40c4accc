// SPDX-License-Identifier: GPL-2.0
// A connection under way when its process forks: both are told of it, an error is told once; a listener that a child
// shuts down wakes its parent's accept, and can listen again.
#include <fcntl.h>

#include <initializer_list>

#include "children.h"

static int connecting(const sockaddr_in& address) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, generic(address), sizeof(address)) == 0 || errno == EINPROGRESS);
    return fd;
}

static short await(int fd) {
    pollfd entry{fd, POLLOUT, 0};
    CHECK(poll(&entry, 1, 5000) == 1);
    return entry.revents;
}

static void succeeds() {
    const int listening = listener();
    const int fd = connecting(name_of(listening));
    child_does([&] {
        CHECK(await(fd) == POLLOUT && option_of(fd, SOL_SOCKET, SO_ERROR) == 0);
        say(fd, "child ");
    });
    CHECK(await(fd) == POLLOUT && option_of(fd, SOL_SOCKET, SO_ERROR) == 0);
    say(fd, "parent");
    const int server = accept(listening, nullptr, nullptr);
    hear(server, "child parent");
    for (const int used : {fd, server, listening}) {
        close(used);
    }
}

static void is_refused() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    CHECK(close(listening) == 0);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK_FAILS(connect(fd, generic(address), sizeof(address)), EINPROGRESS);
    child_does([&] {
        CHECK((await(fd) & POLLERR) != 0);
        CHECK(option_of(fd, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
    });
    CHECK(option_of(fd, SOL_SOCKET, SO_ERROR) == 0);
    close(fd);
}

static void listener_is_shut_down() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const pid_t child = in_child([&] {
        sleep_ms(50);
        CHECK(shutdown(listening, SHUT_RD) == 0);
    });
    CHECK_FAILS(accept(listening, nullptr, nullptr), EINVAL);
    expect_success(child);
    const int late = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(connect(late, generic(address), sizeof(address)), ECONNREFUSED);
    child_does([&] { CHECK(listen(listening, 5) == 0); });
    const int client = connected_to(name_of(listening));
    const int server = accept(listening, nullptr, nullptr);
    talk(client, server);
    for (const int used : {late, client, server, listening}) {
        close(used);
    }
}

int main() {
    close_inherited();
    limit_time();
    succeeds();
    is_refused();
    listener_is_shut_down();
}
