// SPDX-License-Identifier: GPL-2.0
// bench_idle ADDRESS PORT
//
// A program with nothing to do: a TCP socket that listens and a UDP socket connected to that address, blocked in poll()
// until it is ended by a signal. Says "ready" on standard output just before.
#include <poll.h>

#include <array>

#include "bench/programs/socket_tools.h"

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s ADDRESS PORT\n", argv[0]);
        return 2;
    }
    const int listener = alp::bench::bound_socket(alp::bench::parse_endpoint("tcp", "0.0.0.0", "0"));
    if (::listen(listener, SOMAXCONN) != 0) {
        alp::bench::die("listen");
    }
    const int datagrams = alp::bench::connected_socket(alp::bench::parse_endpoint("udp", argv[1], argv[2]));
    std::array<pollfd, 2> waiting{{{listener, POLLIN, 0}, {datagrams, POLLIN, 0}}};
    alp::bench::say_ready();
    ::poll(waiting.data(), waiting.size(), -1);
    std::fprintf(stderr, "poll returned\n");
    return 1;
}
