// SPDX-License-Identifier: GPL-2.0
// getsockopt() with less room cuts and says so, setsockopt() with less refuses; bad lengths and pointers.
#include <linux/tcp.h>

#include "check.h"

int main() {
    const Pair pair;
    const int fd = pair.client;
    int value = 0x55555555;
    socklen_t len = 1;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) == 0 && len == 1);
    CHECK(value == (0x55555500 | SOCK_STREAM));  // one byte written, no more
    len = 0;
    value = 7;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) == 0 && len == 0 && value == 7);
    long wide = -1;
    len = sizeof(wide);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &wide, &len) == 0 && len == sizeof(int));
    len = static_cast<socklen_t>(-1);
    CHECK_FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len), EINVAL);
    CHECK_FAILS(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), EINVAL);

    char info[sizeof(tcp_info) + 64];
    memset(info, 0x55, sizeof(info));
    len = 8;
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0 && len == 8 && info[8] == 0x55);
    len = sizeof(info);
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0 && len < sizeof(info) && info[len] == 0x55);
    linger wait{};
    len = 4;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &wait, &len) == 0 && len == 4);

    CHECK_FAILS(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 3), EINVAL);
    CHECK_FAILS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &wait, 4), EINVAL);
    CHECK_FAILS(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &value, 4), EINVAL);
    CHECK_FAILS(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, 0), EINVAL);
    CHECK_FAILS(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, static_cast<socklen_t>(-1)), EINVAL);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &wide, sizeof(wide)) == 0);  // more is no error

    void* const bad = reinterpret_cast<void*>(8);
    len = sizeof(value);
    CHECK_FAILS(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, bad, 4), EFAULT);
    CHECK_FAILS(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, bad, 16), EFAULT);
    CHECK_FAILS(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, bad, 4), EFAULT);
    CHECK_FAILS(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, bad, &len), EFAULT);
    CHECK_FAILS(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, static_cast<socklen_t*>(bad)), EFAULT);
    CHECK_FAILS(getsockopt(fd, IPPROTO_TCP, TCP_INFO, bad, &len), EFAULT);

    CHECK_FAILS(setsockopt(fd, SOL_SOCKET, 9999, &value, sizeof(value)), ENOPROTOOPT);
    CHECK_FAILS(getsockopt(fd, SOL_SOCKET, 9999, &value, &len), ENOPROTOOPT);
    CHECK_FAILS(getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &len), ENOTSOCK);
    CHECK_FAILS(setsockopt(999, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)), EBADF);
}
