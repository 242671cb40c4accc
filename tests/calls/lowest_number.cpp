// SPDX-License-Identifier: GPL-2.0
// Every call that makes a descriptor takes the lowest free number, whoever had it before; F_DUPFD the lowest from its
// minimum; at the limit it is EMFILE, and a connection that could not be accepted waits.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <initializer_list>

#include "check.h"

static void mixed_closes() {
    int fds[12];
    for (int& fd : fds) {
        static int turn = 0;
        fd = ++turn % 2 == 0 ? socket(AF_INET, SOCK_STREAM, 0) : open("/dev/null", O_RDWR);
    }
    CHECK(fds[0] == 3 && fds[11] == 14);
    for (const int gone : {13, 4, 9, 7, 11}) {
        CHECK(close(gone) == 0);
    }
    CHECK(socket(AF_INET6, SOCK_DGRAM, 0) == 4);
    int ends[2];
    CHECK(pipe(ends) == 0 && ends[0] == 7 && ends[1] == 9);
    CHECK(epoll_create1(0) == 11);
    CHECK(dup(4) == 13);
    CHECK(socket(AF_INET, SOCK_STREAM, 0) == 15);
    CHECK(close(5) == 0 && close(15) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && ends[0] == 5 && ends[1] == 15);
    CHECK_FAILS(socket(AF_INET, 77, 0), EINVAL);
    CHECK_FAILS(open("/nonexistent", O_RDONLY), ENOENT);
    CHECK(eventfd(0, 0) == 16);  // failures take nothing
    closefrom(3);
}

static void minima() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd == 3);
    CHECK(fcntl(fd, F_DUPFD, 0) == 4 && fcntl(fd, F_DUPFD, 3) == 5 && fcntl(fd, F_DUPFD, 10) == 10);
    CHECK(fcntl(fd, F_DUPFD, 10) == 11 && fcntl(fd, F_DUPFD_CLOEXEC, 9) == 9);
    CHECK(fcntl(9, F_GETFD) == FD_CLOEXEC && fcntl(10, F_GETFD) == 0);
    CHECK(close(10) == 0 && fcntl(fd, F_DUPFD, 9) == 10);
    CHECK_FAILS(fcntl(fd, F_DUPFD, -1), EINVAL);
    CHECK_FAILS(fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
    closefrom(3);
}

static void limit_reached() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(client, generic(address), sizeof(address)) == 0);
    rlimit limit{};
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = static_cast<rlim_t>(client) + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_FAILS(socket(AF_INET, SOCK_STREAM, 0), EMFILE);
    CHECK_FAILS(accept(listening, nullptr, nullptr), EMFILE);
    CHECK_FAILS(dup(client), EMFILE);
    CHECK_FAILS(epoll_create1(0), EMFILE);
    CHECK_FAILS(fcntl(client, F_DUPFD, 0), EMFILE);
    CHECK_FAILS(dup2(client, client + 1), EBADF);
    limit.rlim_cur = static_cast<rlim_t>(client) + 2;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    char byte = 0;
    const int server = accept(listening, nullptr, nullptr);
    CHECK(server == client + 1);
    CHECK(write(client, "x", 1) == 1 && read(server, &byte, 1) == 1);
}

int main() {
    close_inherited();
    mixed_closes();
    minima();
    limit_reached();
}
