// SPDX-License-Identifier: GPL-2.0
// dup, dup2, dup3 and F_DUPFD in one process do not move the other's numbers; a copy made by a child under a number the
// parent uses for something else is the child's alone, and keeps the connection open when the parent has closed it.
#include <fcntl.h>

#include "children.h"

int main() {
    close_inherited();
    limit_time();
    const Pair one, two;
    const int file = open("/dev/null", O_RDWR);
    const Bell moved, go;
    const pid_t child = in_child([&] {
        // Exchanged: one's number is now two's, and a file's is one's.
        CHECK(dup2(one.server, file) == file);
        CHECK(dup2(two.server, one.server) == one.server);
        CHECK(dup3(file, 100, O_CLOEXEC) == 100 && fcntl(100, F_GETFD) == FD_CLOEXEC);
        const int null = open("/dev/null", O_RDWR);
        CHECK(dup2(null, two.server) == two.server);
        char byte;
        CHECK_FAILS(recv(two.server, &byte, 1, 0), ENOTSOCK);
        moved.ring();
        go.wait();
        hear(file, "one");
        say(100, "ONE");
        hear(one.server, "two");
        say(one.server, "TWO");
        // A number the parent never had.
        CHECK(fcntl(one.server, F_DUPFD, 200) == 200);
        CHECK(close(one.server) == 0 && close(file) == 0 && close(100) == 0);
        hear(200, "at 200");
        say(200, "AT 200");
    });
    moved.wait();
    talk(one.client, one.server);
    talk(two.client, two.server);
    CHECK(write(file, "x", 1) == 1);
    CHECK_FAILS(fcntl(100, F_GETFD), EBADF);
    CHECK_FAILS(fcntl(200, F_GETFD), EBADF);
    // Here one is put over two: two's connection lives on in the child.
    CHECK(dup2(one.server, two.server) == two.server);
    talk(one.client, two.server);
    CHECK(close(one.server) == 0 && close(two.server) == 0);
    go.ring();
    say(one.client, "one");
    hear(one.client, "ONE");
    say(two.client, "two");
    hear(two.client, "TWO");
    hear_end(one.client);
    say(two.client, "at 200");
    hear(two.client, "AT 200");
    hear_end(two.client);
    expect_success(child);
}
