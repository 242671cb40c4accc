// SPDX-License-Identifier: GPL-2.0
// bench_echo_server tcp|udp ADDRESS PORT
//
// Sends back what it gets, one connection at a time; the other end of bench_rtt and bench_connect. Says "ready"
// on standard output once it can be reached, and runs until it is ended by a signal.
#include <array>

#include "bench/programs/socket_tools.h"

namespace {

using alp::bench::die;
using alp::bench::Endpoint;
using alp::bench::say_ready;

void echo_connection(int fd) {
    std::array<char, 2048> buffer{};
    for (;;) {
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0 || ::send(fd, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) {
            return;
        }
    }
}

[[noreturn]] void serve_tcp(int listener) {
    if (::listen(listener, SOMAXCONN) != 0) {
        die("listen");
    }
    say_ready();
    for (;;) {
        const int fd = ::accept(listener, nullptr, nullptr);
        if (fd < 0) {
            die("accept");
        }
        alp::bench::no_delay(fd);
        echo_connection(fd);
        ::close(fd);
    }
}

[[noreturn]] void serve_udp(int fd) {
    say_ready();
    std::array<char, 2048> buffer{};
    for (;;) {
        sockaddr_storage from{};
        socklen_t from_len = sizeof(from);
        auto* from_address = reinterpret_cast<sockaddr*>(&from);
        const ssize_t got = ::recvfrom(fd, buffer.data(), buffer.size(), 0, from_address, &from_len);
        if (got < 0) {
            die("recvfrom");
        }
        ::sendto(fd, buffer.data(), static_cast<std::size_t>(got), 0, from_address, from_len);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s tcp|udp ADDRESS PORT\n", argv[0]);
        return 2;
    }
    const Endpoint endpoint = alp::bench::parse_endpoint(argv[1], argv[2], argv[3]);
    const int fd = alp::bench::bound_socket(endpoint);
    if (endpoint.type == SOCK_STREAM) {
        serve_tcp(fd);
    }
    serve_udp(fd);
}
