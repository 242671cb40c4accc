// SPDX-License-Identifier: GPL-2.0
// The time of one-byte questions and answers over a socket.
#pragma once

#include "bench/programs/latency.h"
#include "bench/programs/socket_tools.h"

namespace alp::bench {

inline double round_trip_us(int fd) {
    char byte = 'x';
    const std::int64_t start = now_ns();
    if (::send(fd, &byte, 1, 0) != 1) {
        die("send");
    }
    if (::recv(fd, &byte, 1, 0) != 1) {
        die("recv");
    }
    return static_cast<double>(now_ns() - start) / 1000.0;
}

/// The socket's other end sends back what it gets.
inline void measure_round_trips(int fd, std::size_t count) {
    measure_round_trips([fd] { return round_trip_us(fd); }, count);
}

}  // namespace alp::bench
