// SPDX-License-Identifier: GPL-2.0
// SCM_RIGHTS along a chain of processes, each of which ends before the next has taken the socket out; a message
// that nobody takes out: the socket in it is closed when the last end of what carries it is.
#include "children.h"
#include "descriptors.h"

static void make_link(int* link) { CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, link) == 0); }

static int take_one(int over) {
    int fds[kMax];
    CHECK(receive_descriptors(over, fds) == 1);
    return fds[0];
}

static void chain() {
    int links[4][2];
    for (auto& link : links) {
        make_link(link);
    }
    const Pair pair;
    for (int i = 0; i < 3; ++i) {
        child_does([&] {
            CHECK(close(pair.server) == 0 || i == 0);
            send_descriptors(links[i + 1][0], {i == 0 ? socket(AF_INET, SOCK_STREAM, 0) : take_one(links[i][1])});
            say(pair.client, ".");
        });
        hear(pair.server, ".");
    }
    const int fd = take_one(links[3][1]);
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    CHECK(connect(fd, generic(address), sizeof(address)) == 0);
    const int accepted = accept(listening, nullptr, nullptr);
    talk(fd, accepted);
    close(fd);
    hear_end(accepted);
    for (const int used : {accepted, listening, pair.client, pair.server}) {
        close(used);
    }
    for (auto& link : links) {
        close(link[0]);
        close(link[1]);
    }
}

/// Who could receive it ends.
static void nobody_takes_it() {
    int link[2];
    make_link(link);
    const Pair pair;
    const Bell go;
    const pid_t receiver = in_child([&] {
        CHECK(close(pair.server) == 0 && close(link[0]) == 0);
        go.wait();
    });
    CHECK(close(link[1]) == 0);
    send_descriptors(link[0], {pair.server});
    CHECK(close(pair.server) == 0);
    say(pair.client, "still open");
    go.ring();
    expect_success(receiver);
    CHECK(close(link[0]) == 0);
    char bytes[16];
    const ssize_t got = recv(pair.client, bytes, sizeof(bytes), 0);
    CHECK(got == 0 || (got < 0 && errno == ECONNRESET));
    close(pair.client);
}

int main() {
    close_inherited();
    limit_time();
    chain();
    nobody_takes_it();
}
