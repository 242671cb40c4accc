// SPDX-License-Identifier: GPL-2.0
// What socket() and socketpair() refuse, and the names of sockets: cut to the room given, ENOTCONN, ENOTSOCK.
#include <fcntl.h>

#include "check.h"

int main() {
    close_inherited();
    CHECK_FAILS(socket(250, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_FAILS(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_FAILS(socket(AF_INET, 0, 0), ESOCKTNOSUPPORT);
    CHECK_FAILS(socket(AF_INET, 11, 0), EINVAL);
    CHECK_FAILS(socket(AF_INET, SOCK_STREAM | 0x100, 0), EINVAL);
    CHECK_FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    CHECK_FAILS(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
    CHECK_FAILS(socket(AF_INET, SOCK_STREAM, 250), EPROTONOSUPPORT);
    CHECK_FAILS(socket(AF_INET, SOCK_STREAM, -1), EINVAL);
    CHECK_FAILS(socket(AF_INET, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK(socket(AF_INET, SOCK_STREAM, 0) == 3);  // the failures took no number
    int ends[2];
    CHECK_FAILS(socketpair(AF_INET, SOCK_STREAM, 0, ends), EOPNOTSUPP);
    CHECK_FAILS(socketpair(AF_INET6, SOCK_DGRAM, 0, ends), EOPNOTSUPP);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 && ends[0] == 4);
    CHECK(fcntl(ends[0], F_GETFD) == FD_CLOEXEC);

    const Pair pair;
    sockaddr_in name{};
    socklen_t len = 4;
    CHECK(getsockname(pair.client, generic(name), &len) == 0 && len == sizeof(name));
    CHECK(name.sin_port != 0 && name.sin_addr.s_addr == 0);  // four bytes were written
    len = 0;
    CHECK(getpeername(pair.client, generic(name), &len) == 0 && len == sizeof(name));
    sockaddr_storage large{};
    len = sizeof(large);
    CHECK(getpeername(pair.client, reinterpret_cast<sockaddr*>(&large), &len) == 0 && len == sizeof(name));
    len = static_cast<socklen_t>(-1);
    CHECK_FAILS(getsockname(pair.client, generic(name), &len), EINVAL);
    len = sizeof(name);
    CHECK_FAILS(getpeername(3, generic(name), &len), ENOTCONN);
    CHECK(getsockname(3, generic(name), &len) == 0 && name.sin_port == 0 && name.sin_family == AF_INET);
    CHECK_FAILS(getsockname(0, generic(name), &len), ENOTSOCK);
    CHECK_FAILS(getpeername(999, generic(name), &len), EBADF);
    CHECK_FAILS(getsockname(pair.client, reinterpret_cast<sockaddr*>(8), &len), EFAULT);
    CHECK_FAILS(getsockname(pair.client, generic(name), reinterpret_cast<socklen_t*>(8)), EFAULT);

    CHECK_FAILS(shutdown(3, SHUT_RD), ENOTCONN);
    CHECK_FAILS(shutdown(pair.client, 3), EINVAL);
    CHECK_FAILS(shutdown(0, SHUT_RD), ENOTSOCK);
    CHECK_FAILS(listen(0, 1), ENOTSOCK);
    CHECK_FAILS(listen(999, 1), EBADF);
    CHECK_FAILS(accept(3, nullptr, nullptr), EINVAL);
    CHECK_FAILS(send(3, "x", 1, MSG_NOSIGNAL), EPIPE);
    char byte;
    CHECK_FAILS(recv(socket(AF_INET, SOCK_STREAM, 0), &byte, 1, 0), ENOTCONN);
    CHECK_FAILS(recv(0, &byte, 1, 0), ENOTSOCK);
    CHECK_FAILS(send(0, "x", 1, 0), ENOTSOCK);
    CHECK_FAILS(bind(0, generic(name), sizeof(name)), ENOTSOCK);
    CHECK_FAILS(connect(0, generic(name), sizeof(name)), ENOTSOCK);
}
