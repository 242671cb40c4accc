// SPDX-License-Identifier: GPL-2.0
#include "stack/host/bell.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/raw_syscall.h"
#include "stack/host/private_fd.h"

namespace alp::stack {

namespace {

constexpr char kPrefix[] = "alpine-bell-"; /* behind the zero byte of an abstract name */

struct Address {
    sockaddr_un address{};
    long len = 0;

    explicit Address(std::uint64_t name) {
        address.sun_family = AF_UNIX;
        char* to = address.sun_path + 1;
        for (const char* from = kPrefix; *from != '\0';) {
            *to++ = *from++;
        }
        for (int shift = 60; shift >= 0; shift -= 4) {
            *to++ = "0123456789abcdef"[name >> shift & 15];
        }
        len = to - reinterpret_cast<char*>(&address);
    }
};

long make_socket() { return raw_syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

}  // namespace

bool Bell::make(bool hidden) {
    if (fd >= 0) {
        return true;
    }
    const long made = make_socket();
    if (made < 0) {
        return false;
    }
    raw_syscall(SYS_getrandom, arg(&name), sizeof(name), 0);
    const Address address(name);
    if (raw_syscall(SYS_bind, made, arg(&address.address), address.len) < 0) {
        raw_syscall(SYS_close, made);
        name = 0;
        return false;
    }
    fd = hidden ? adopt_private_fd(static_cast<int>(made)) : static_cast<int>(made);
    return true;
}

void Bell::silence() const {
    char byte;
    while (raw_syscall(SYS_recvfrom, fd, arg(&byte), 1, MSG_DONTWAIT, 0, 0) >= 0) {
    }
}

void Bell::close() {
    if (fd >= 0) {
        forget_private_fd(fd);
        raw_syscall(SYS_close, fd);
        fd = -1;
        name = 0;
    }
}

void ring(int out, std::uint64_t name) {
    const Address address(name);
    static constexpr char kByte = 0;
    // Full: it rings already.
    raw_syscall(SYS_sendto, out, arg(&kByte), 1, MSG_DONTWAIT | MSG_NOSIGNAL, arg(&address.address), address.len);
}

int bell_out() { return adopt_private_fd(static_cast<int>(make_socket())); }

}  // namespace alp::stack
