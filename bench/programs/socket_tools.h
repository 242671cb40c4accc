// SPDX-License-Identifier: GPL-2.0
// What the benchmark programs share: ordinary sockets, ordinary libc. They must not know what they run on.
#pragma once

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace alp::bench {

inline std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

[[noreturn]] inline void die(const char* what) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

/// A numeric address and port, IPv4 or IPv6, and the socket type that goes with "tcp" or "udp".
struct Endpoint {
    sockaddr_storage address{};
    socklen_t address_len = 0;
    int family = AF_UNSPEC;
    int type = SOCK_STREAM;

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

inline Endpoint parse_endpoint(const std::string& protocol, const char* host, const char* port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host, port, &hints, &found); error != 0) {
        std::fprintf(stderr, "%s: %s\n", host, ::gai_strerror(error));
        std::exit(2);
    }
    Endpoint endpoint;
    std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
    endpoint.address_len = found->ai_addrlen;
    endpoint.family = found->ai_family;
    endpoint.type = found->ai_socktype;
    ::freeaddrinfo(found);
    return endpoint;
}

inline void no_delay(int fd) {
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

inline int connected_socket(const Endpoint& endpoint) {
    const int fd = ::socket(endpoint.family, endpoint.type, 0);
    if (fd < 0) {
        die("socket");
    }
    if (::connect(fd, endpoint.get(), endpoint.address_len) != 0) {
        die("connect");
    }
    if (endpoint.type == SOCK_STREAM) {
        no_delay(fd);
    }
    return fd;
}

/// Bound to the endpoint, which may be left by connections of before.
inline int bound_socket(const Endpoint& endpoint) {
    const int fd = ::socket(endpoint.family, endpoint.type, 0);
    const int one = 1;
    if (fd < 0) {
        die("socket");
    }
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (::bind(fd, endpoint.get(), endpoint.address_len) != 0) {
        die("bind");
    }
    return fd;
}

/// As many descriptors as the system lets it have.
inline void many_descriptors() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

inline void say_ready() {
    std::puts("ready");
    std::fflush(stdout);
}

}  // namespace alp::bench
