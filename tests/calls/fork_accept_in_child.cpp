// SPDX-License-Identifier: GPL-2.0
// A listener of before the fork, used after it by parent and child: each accepts what comes while it waits, and each
// talks on what it has accepted. A listener that one of them closes goes on for the other.
#include "children.h"

static void accept_and_answer(int listening, const char* answer) {
    const int fd = accept(listening, nullptr, nullptr);
    CHECK(fd >= 0);
    hear(fd, "who?");
    say(fd, answer);
    hear_end(fd);
    close(fd);
}

static void ask(const sockaddr_in& address, const char* expected) {
    const int fd = connected_to(address);
    say(fd, "who?");
    hear(fd, expected);
    close(fd);
}

int main() {
    close_inherited();
    limit_time();
    const int listening = listener();
    const sockaddr_in address = name_of(listening);

    pid_t child = in_child([&] { accept_and_answer(listening, "child"); });
    ask(address, "child");
    expect_success(child);

    // The other way round: the child is the client.
    child = in_child([&] { ask(address, "parent"); });
    accept_and_answer(listening, "parent");
    expect_success(child);

    // Both ends in the child, which has closed nothing.
    child_does([&] {
        const int client = connected_to(address);
        const int server = accept(listening, nullptr, nullptr);
        talk(client, server);
    });

    // Closed in the parent, it goes on in the child, and ends with it.
    const Bell ready;
    child = in_child([&] {
        ready.wait();
        accept_and_answer(listening, "last");
    });
    CHECK(close(listening) == 0);
    CHECK_FAILS(accept(listening, nullptr, nullptr), EBADF);
    ready.ring();
    ask(address, "last");
    expect_success(child);
    const int late = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(connect(late, generic(address), sizeof(address)), ECONNREFUSED);
}
