// SPDX-License-Identifier: GPL-2.0
// SCM_RIGHTS between processes: a socket goes from the parent to a child, from a child to the parent, and from one
// child to another, among files, alone and in numbers; the sender closes it, or ends, before it is received.
#include <fcntl.h>

#include "children.h"
#include "descriptors.h"

static int receive_one(int over) {
    int fds[kMax];
    CHECK(receive_descriptors(over, fds) == 1);
    return fds[0];
}

/// An acceptor that hands what it accepts to workers made before.
static void to_workers(const int* over) {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    pid_t workers[2];
    for (pid_t& worker : workers) {
        worker = in_child([&] {
            CHECK(close(listening) == 0);
            const int fd = receive_one(over[1]);
            hear(fd, "question");
            say(fd, "answer");
            hear_end(fd);
        });
    }
    int clients[2];
    for (int& client : clients) {
        client = connected_to(address);
        const int accepted = accept(listening, nullptr, nullptr);
        send_descriptors(over[0], {accepted});
        CHECK(close(accepted) == 0);
    }
    for (const int client : clients) {
        say(client, "question");
        hear(client, "answer");
        CHECK(shutdown(client, SHUT_WR) == 0);
        hear_end(client);
        close(client);
    }
    for (const pid_t worker : workers) {
        expect_success(worker);
    }
    close(listening);
}

/// A child opens, connects and listens for its parent, and has ended when the parent takes the sockets out.
static void to_the_parent(const int* over) {
    child_does([&] {
        const Pair pair;
        say(pair.client, "said by the child");
        const int null = open("/dev/null", O_RDWR);
        send_descriptors(over[0], {pair.client, null, pair.server, listener()});
    });
    int fds[kMax];
    CHECK(receive_descriptors(over[1], fds) == 4);
    hear(fds[2], "said by the child");
    talk(fds[0], fds[2]);
    CHECK(write(fds[1], "x", 1) == 1);
    const int client = connected_to(name_of(fds[3]));
    const int server = accept(fds[3], nullptr, nullptr);
    talk(client, server);
    for (const int fd : {fds[0], fds[1], fds[2], fds[3], client, server}) {
        CHECK(close(fd) == 0);
    }
}

/// Between two children; the number means something else to either.
static void between_siblings(const int* over) {
    const Pair pair;
    const pid_t taker = in_child([&] {
        CHECK(dup2(open("/dev/null", O_RDWR), pair.server) == pair.server);
        const int fd = receive_one(over[1]);
        CHECK(fd != pair.server);
        hear(fd, "early late");
        say(fd, "from the sibling");
        CHECK(close(fd) == 0);
    });
    const pid_t giver = in_child([&] {
        send_descriptors(over[0], {pair.server});
        CHECK(close(pair.server) == 0);
    });
    CHECK(close(pair.server) == 0);
    say(pair.client, "early ");
    expect_success(giver);
    say(pair.client, "late");
    hear(pair.client, "from the sibling");
    hear_end(pair.client);
    expect_success(taker);
    close(pair.client);
}

int main() {
    close_inherited();
    limit_time();
    int over[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, over) == 0);
    to_workers(over);
    to_the_parent(over);
    between_siblings(over);
    CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
