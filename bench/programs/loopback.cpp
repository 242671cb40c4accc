// SPDX-License-Identifier: GPL-2.0
// bench_loopback COUNT
//
// The time of a one-byte question and answer between two threads over TCP on 127.0.0.1. Prints one JSON object, times
// in microseconds.
#include <thread>

#include "bench/programs/round_trips.h"

namespace {

using alp::bench::die;

void echo_bytes(int listener) {
    const int fd = ::accept(listener, nullptr, nullptr);
    if (fd < 0) {
        die("accept");
    }
    alp::bench::no_delay(fd);
    char byte = 0;
    while (::recv(fd, &byte, 1, 0) == 1) {
        if (::send(fd, &byte, 1, MSG_NOSIGNAL) != 1) {
            break;
        }
    }
    ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s COUNT\n", argv[0]);
        return 2;
    }
    alp::bench::Endpoint endpoint = alp::bench::parse_endpoint("tcp", "127.0.0.1", "0");
    const int listener = alp::bench::bound_socket(endpoint);
    auto* const bound = reinterpret_cast<sockaddr*>(&endpoint.address);
    if (::listen(listener, 1) != 0 || ::getsockname(listener, bound, &endpoint.address_len) != 0) {
        die("listen");
    }
    std::thread answering(echo_bytes, listener);
    const int fd = alp::bench::connected_socket(endpoint);
    alp::bench::measure_round_trips(fd, std::strtoul(argv[1], nullptr, 10));
    ::close(fd);
    answering.join();
    return 0;
}
