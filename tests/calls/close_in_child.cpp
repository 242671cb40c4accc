// SPDX-License-Identifier: GPL-2.0
// Each process has its own descriptors: what a child closes, also everything at once, the parent goes on with, even if
// it is blocked in a call on it at that moment; a connection ends when the last of them has closed it.
#include <fcntl.h>

#include <thread>

#include "children.h"

static void while_the_parent_reads() {
    const Pair pair;
    const Bell closed;
    const pid_t child = in_child([&] {
        sleep_ms(50);
        CHECK(close(pair.server) == 0);
        char byte;
        CHECK_FAILS(read(pair.server, &byte, 1), EBADF);
        closed.ring();
        sleep_ms(50);
        say(pair.client, "still here");
    });
    hear(pair.server, "still here");
    closed.wait();
    expect_success(child);
    talk(pair.client, pair.server);
    close(pair.client);
    close(pair.server);
}

static void the_last_closes() {
    const Pair pair;
    const Bell go;
    const pid_t child = in_child([&] {
        CHECK(close(pair.client) == 0);
        go.wait();
        say(pair.server, "and the last word");
    });
    CHECK(close(pair.server) == 0);
    char byte;
    CHECK_FAILS(recv(pair.client, &byte, 1, MSG_DONTWAIT), EAGAIN);
    go.ring();
    hear(pair.client, "and the last word");
    hear_end(pair.client);
    expect_success(child);
    close(pair.client);
}

static void everything_at_once() {
    const Pair pair;
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    child_does([&] {
        CHECK(close_range(3, ~0U, 0) == 0);
        CHECK_FAILS(fcntl(listening, F_GETFD), EBADF);
        CHECK(socket(AF_INET, SOCK_STREAM, 0) == 3);
        const int client = connected_to(address);
        CHECK(client == 4);
    });
    const int accepted = accept(listening, nullptr, nullptr);
    CHECK(accepted >= 0);
    hear_end(accepted);
    talk(pair.client, pair.server);
    for (const int fd : {pair.client, pair.server, listening, accepted}) {
        CHECK(close(fd) == 0);
    }
}

/// Numbers are each process's own: the lowest free one here is not taken there.
static void numbers() {
    const int first = socket(AF_INET, SOCK_STREAM, 0);
    const int second = socket(AF_INET, SOCK_STREAM, 0);
    const Bell done;
    const pid_t child = in_child([&] {
        CHECK(close(first) == 0);
        CHECK(socket(AF_INET, SOCK_DGRAM, 0) == first);
        CHECK(option_of(first, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM);
        done.wait();
        CHECK(option_of(second, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
    });
    sleep_ms(20);
    CHECK(option_of(first, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
    CHECK(close(second) == 0);
    CHECK(socket(AF_INET, SOCK_DGRAM, 0) == second);
    done.ring();
    expect_success(child);
    close(first);
    close(second);
}

int main() {
    close_inherited();
    limit_time();
    while_the_parent_reads();
    the_last_closes();
    everything_at_once();
    numbers();
}
