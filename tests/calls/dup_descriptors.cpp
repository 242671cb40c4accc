// SPDX-License-Identifier: GPL-2.0
// dup and its like over files and sockets: lowest numbers, onto 0, onto each other, shared flags, last close.
#include <fcntl.h>
#include <sys/stat.h>

#include "check.h"

static bool is_socket(int fd) {
    struct stat info {};
    CHECK(fstat(fd, &info) == 0);
    return S_ISSOCK(info.st_mode);
}

static bool talks(int from, int to) {
    char byte = 0;
    return write(from, "z", 1) == 1 && read(to, &byte, 1) == 1 && byte == 'z';
}

int main() {
    close_inherited();
    const Pair pair;
    CHECK(is_socket(pair.client));
    const int file = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);

    const int copy = dup(pair.server);
    CHECK(copy == pair.server + 1);  // the lowest free number
    CHECK(talks(pair.client, copy));
    CHECK(fcntl(copy, F_SETFL, O_NONBLOCK) == 0);
    CHECK((fcntl(pair.server, F_GETFL) & O_NONBLOCK) != 0);  // one open file
    char byte;
    CHECK_FAILS(read(pair.server, &byte, 1), EAGAIN);
    CHECK(fcntl(pair.server, F_SETFL, 0) == 0);

    const int high = fcntl(pair.server, F_DUPFD_CLOEXEC, 100);
    CHECK(high >= 100);
    CHECK(fcntl(high, F_GETFD) == FD_CLOEXEC && fcntl(pair.server, F_GETFD) == 0);
    CHECK(talks(pair.client, high));

    CHECK(dup2(pair.server, 0) == 0);  // onto standard input
    CHECK(talks(pair.client, 0));
    CHECK(dup2(file, 0) == 0);  // and a file back there
    CHECK(read(0, &byte, 1) == 0 && !is_socket(0));

    CHECK(dup3(pair.server, file, O_CLOEXEC) == file);
    CHECK(fcntl(file, F_GETFD) == FD_CLOEXEC && talks(pair.client, file));
    CHECK_FAILS(dup3(pair.server, pair.server, 0), EINVAL);
    CHECK(dup2(pair.server, pair.server) == pair.server);
    CHECK_FAILS(dup2(pair.server, 1 << 28), EBADF);
    CHECK_FAILS(dup2(999, pair.server), EBADF);
    CHECK(talks(pair.client, pair.server));  // a failed dup2 closes nothing

    CHECK(close(file) == 0 && close(pair.server) == 0 && close(copy) == 0);
    CHECK(talks(pair.client, high));
    CHECK(close(high) == 0);
    CHECK(read(pair.client, &byte, 1) == 0);  // the last number is gone: end of file
}
