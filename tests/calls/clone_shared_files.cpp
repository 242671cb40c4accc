// SPDX-License-Identifier: GPL-2.0
// A child that shares the descriptor table (CLONE_FILES) but not the memory: a socket it makes is the parent's too,
// under the same number; one it closes is closed for both.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "children.h"

int main() {
    close_inherited();
    limit_time();
    const Pair pair;
    const Bell made, closed;
    const int expected = fcntl(0, F_DUPFD, 3);
    CHECK(close(expected) == 0);
    const long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    CHECK(pid >= 0);
    if (pid == 0) {
        limit_time();
        CHECK(listener() == expected);
        made.ring();
        closed.wait();
        CHECK_FAILS(fcntl(pair.server, F_GETFD), EBADF);
        char byte;
        CHECK_FAILS(recv(pair.server, &byte, 1, 0), EBADF);
        CHECK(close(pair.client) == 0);
        _exit(0);
    }
    made.wait();
    const int client = connected_to(name_of(expected));
    const int server = accept(expected, nullptr, nullptr);
    talk(client, server);
    CHECK(close(pair.server) == 0);
    hear_end(pair.client);
    closed.ring();
    expect_success(static_cast<pid_t>(pid));
    CHECK_FAILS(fcntl(pair.client, F_GETFD), EBADF);
    CHECK(socket(AF_INET, SOCK_STREAM, 0) < server);
}
