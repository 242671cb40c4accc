// SPDX-License-Identifier: GPL-2.0
// The flags of a socket's number and of its open file: by socket(), fcntl() and ioctl(), each seen by the others.
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "check.h"

static void number_flags() {
    const int plain = socket(AF_INET, SOCK_STREAM, 0);
    const int marked = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fcntl(plain, F_GETFD) == 0 && fcntl(marked, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(plain, F_SETFD, FD_CLOEXEC) == 0 && fcntl(plain, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(dup(plain), F_GETFD) == 0);  // a copy starts without
    CHECK(ioctl(plain, FIONCLEX) == 0 && fcntl(plain, F_GETFD) == 0);
    CHECK(ioctl(plain, FIOCLEX) == 0 && fcntl(plain, F_GETFD) == FD_CLOEXEC);
    CHECK(close_range(static_cast<unsigned>(plain), static_cast<unsigned>(marked), CLOSE_RANGE_CLOEXEC) == 0);
    CHECK(fcntl(marked, F_GETFD) == FD_CLOEXEC);
}

static void file_flags() {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const int copy = dup(fd);
    char byte;
    CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    int on = 1;
    CHECK(ioctl(fd, FIONBIO, &on) == 0);
    CHECK((fcntl(copy, F_GETFL) & O_NONBLOCK) != 0);
    CHECK_FAILS(read(copy, &byte, 1), EAGAIN);
    CHECK(fcntl(copy, F_SETFL, 0) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    const int fresh = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK((fcntl(fresh, F_GETFL) & O_NONBLOCK) != 0);
    on = 0;
    CHECK(ioctl(fresh, FIONBIO, &on) == 0 && (fcntl(fresh, F_GETFL) & O_NONBLOCK) == 0);

    CHECK(fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
    CHECK((fcntl(fd, F_GETFL) & (O_ASYNC | O_NONBLOCK)) == (O_ASYNC | O_NONBLOCK));
    on = 0;
    CHECK(ioctl(fd, FIOASYNC, &on) == 0 && (fcntl(fd, F_GETFL) & O_ASYNC) == 0);
    // The access mode is not fcntl's to change.
    CHECK(fcntl(fd, F_SETFL, O_RDONLY) == 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
    CHECK_FAILS(fcntl(fd, 9999, 0), EINVAL);
    CHECK_FAILS(fcntl(999, F_GETFL), EBADF);
}

/// An accepted connection inherits neither kind of flag from its listener.
static void inheritance() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(client, generic(address), sizeof(address)) == 0);
    CHECK(fcntl(listening, F_SETFL, O_NONBLOCK) == 0 && fcntl(listening, F_SETFD, FD_CLOEXEC) == 0);
    const int server = accept(listening, nullptr, nullptr);
    CHECK(server >= 0 && (fcntl(server, F_GETFL) & O_NONBLOCK) == 0 && fcntl(server, F_GETFD) == 0);
}

static void owner() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fcntl(fd, F_GETOWN) == 0 && fcntl(fd, F_GETSIG) == 0);
    CHECK(fcntl(fd, F_SETOWN, getpid()) == 0 && fcntl(fd, F_GETOWN) == getpid());
    int pid = 0;
    CHECK(ioctl(fd, FIOGETOWN, &pid) == 0 && pid == getpid());
    CHECK(ioctl(fd, SIOCGPGRP, &pid) == 0 && pid == getpid());
    f_owner_ex who{F_OWNER_TID, gettid()};
    CHECK(fcntl(fd, F_SETOWN_EX, &who) == 0);
    who = f_owner_ex{F_OWNER_PID, 0};
    CHECK(fcntl(fd, F_GETOWN_EX, &who) == 0 && who.type == F_OWNER_TID && who.pid == gettid());
    CHECK(fcntl(fd, F_SETOWN, 0) == 0 && fcntl(fd, F_GETOWN) == 0);
    CHECK(fcntl(fd, F_SETSIG, 40) == 0 && fcntl(fd, F_GETSIG) == 40);
    CHECK_FAILS(fcntl(fd, F_SETSIG, 1000), EINVAL);
    CHECK_FAILS(fcntl(fd, F_SETOWN, 1 << 22), ESRCH);
}

int main() {
    number_flags();
    file_flags();
    inheritance();
    owner();
}
