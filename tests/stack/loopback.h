// SPDX-License-Identifier: GPL-2.0
// What tests of the stack as a library begin with: a stack of 128 MiB without a wire, and its loopback.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "stack/host/stack.h"

namespace alp::stack {

// Descriptors inside the stack. The tests choose them; they have nothing to do with the host's.
constexpr int kListener = 100;
constexpr int kAccepted = 101;
constexpr int kClient = 102;

inline Options options() {
    Options options;
    options.image_path = ALPINE_TEST_IMAGE;
    options.memory_bytes = 128 << 20;
    return options;
}

inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

inline void bring_up_lo() {
    ASSERT_EQ(call(ALPINE_NR_socket_at, kClient, AF_INET, SOCK_DGRAM, 0), kClient);
    ifreq request{};
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    ASSERT_EQ(call(SYS_ioctl, kClient, SIOCSIFFLAGS, arg(&request)), 0);
    ASSERT_EQ(call(SYS_close, kClient), 0);
}

template <typename T>
long set_option(int fd, int level, int name, const T& value) {
    return call(SYS_setsockopt, fd, level, name, arg(&value), sizeof(value));
}

/// A UDP socket bound to a port of 127.0.0.1 and connected to that very port: it gets what it sends.
inline void make_udp_to_itself(int fd, std::uint16_t port) {
    const sockaddr_in address = loopback(port);
    ASSERT_EQ(call(ALPINE_NR_socket_at, fd, AF_INET, SOCK_DGRAM, 0), fd);
    ASSERT_EQ(call(SYS_bind, fd, arg(&address), sizeof(address)), 0);
    ASSERT_EQ(call(SYS_connect, fd, arg(&address), sizeof(address)), 0);
}

/// A TCP connection over the loopback: kListener, kClient and kAccepted.
inline void make_tcp_connection(std::uint16_t port) {
    const sockaddr_in address = loopback(port);
    ASSERT_EQ(call(ALPINE_NR_socket_at, kListener, AF_INET, SOCK_STREAM, 0), kListener);
    ASSERT_EQ(call(SYS_bind, kListener, arg(&address), sizeof(address)), 0);
    ASSERT_EQ(call(SYS_listen, kListener, 16), 0);
    ASSERT_EQ(call(ALPINE_NR_socket_at, kClient, AF_INET, SOCK_STREAM, 0), kClient);
    ASSERT_EQ(call(SYS_connect, kClient, arg(&address), sizeof(address)), 0);
    ASSERT_EQ(call(ALPINE_NR_accept_at, kListener, kAccepted, 0, 0, 0), kAccepted);
}

}  // namespace alp::stack
