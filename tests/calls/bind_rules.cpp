// SPDX-License-Identifier: GPL-2.0
// What bind() refuses and allows: a port in use, a foreign address, twice, again after close, SO_REUSEPORT.
#include "check.h"

static int try_bind(const sockaddr_in& address, int option) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int one = 1;
    if (option != 0) {
        CHECK(setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one)) == 0);
    }
    if (bind(fd, generic(address), sizeof(address)) == 0) {
        return fd;
    }
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int main() {
    int first = listener();
    sockaddr_in address = name_of(first);
    CHECK_FAILS(bind(first, generic(address), sizeof(address)), EINVAL);
    CHECK_FAILS(try_bind(address, 0), EADDRINUSE);
    CHECK_FAILS(try_bind(address, SO_REUSEADDR), EADDRINUSE);
    CHECK(close(first) == 0);

    first = try_bind(address, 0);
    CHECK(first >= 0);
    CHECK(close(first) == 0);

    first = try_bind(address, SO_REUSEPORT);
    const int second = try_bind(address, SO_REUSEPORT);
    CHECK(first >= 0 && second >= 0);
    CHECK(listen(first, 1) == 0 && listen(second, 1) == 0);

    sockaddr_in foreign = loopback();
    foreign.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
    CHECK_FAILS(try_bind(foreign, 0), EADDRNOTAVAIL);
    foreign.sin_family = AF_INET6;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(bind(fd, generic(foreign), sizeof(foreign)), EAFNOSUPPORT);
    CHECK_FAILS(bind(fd, generic(address), 3), EINVAL);
    CHECK_FAILS(bind(fd, reinterpret_cast<sockaddr*>(8), sizeof(address)), EFAULT);
}
