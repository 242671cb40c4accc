// SPDX-License-Identifier: GPL-2.0
// bench_accept_connections ADDRESS PORT PORTS
//
// Accepts TCP connections on PORTS ports from PORT on, and keeps them, idle, until it is ended by a signal; the other
// end of bench_hold_connections. Says "ready" on standard output once it can be reached.
#include <fcntl.h>
#include <poll.h>

#include <vector>

#include "bench/programs/socket_tools.h"

namespace {

using alp::bench::die;

int listener_on(const char* address, int port) {
    const int fd = alp::bench::bound_socket(alp::bench::parse_endpoint("tcp", address, std::to_string(port).c_str()));
    if (::listen(fd, SOMAXCONN) != 0 || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        die("listen");
    }
    return fd;
}

void accept_all(int listener) {
    while (::accept(listener, nullptr, nullptr) >= 0) {
    }
    if (errno != EAGAIN) {
        die("accept");
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s ADDRESS PORT PORTS\n", argv[0]);
        return 2;
    }
    alp::bench::many_descriptors();
    std::vector<pollfd> listeners;
    for (int i = 0; i < std::atoi(argv[3]); ++i) {
        listeners.push_back({listener_on(argv[1], std::atoi(argv[2]) + i), POLLIN, 0});
    }
    alp::bench::say_ready();
    for (;;) {
        ::poll(listeners.data(), listeners.size(), -1);
        for (const pollfd& listener : listeners) {
            if (listener.revents != 0) {
                accept_all(listener.fd);
            }
        }
    }
}
