// SPDX-License-Identifier: GPL-2.0
// The time of one-byte questions and answers.
#pragma once

#include <algorithm>
#include <vector>

#include "bench/programs/cpu_time.h"
#include "bench/programs/socket_tools.h"

namespace alp::bench {

inline constexpr std::size_t kWarmUpRounds = 100;

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

/// The value below which `fraction` of the sorted samples lie.
inline double quantile(const std::vector<double>& sorted, double fraction) {
    const auto index = static_cast<std::size_t>(fraction * static_cast<double>(sorted.size()));
    return sorted[std::min(index, sorted.size() - 1)];
}

/// After a warm-up, `count` round trips over a socket whose other end sends back what it gets; prints one JSON object,
/// times in microseconds.
inline void measure_round_trips(int fd, std::size_t count) {
    for (std::size_t i = 0; i < kWarmUpRounds; ++i) {
        round_trip_us(fd);
    }
    std::vector<double> samples(std::max<std::size_t>(1, count));
    const CpuMeter cpu;
    std::generate(samples.begin(), samples.end(), [fd] { return round_trip_us(fd); });
    const std::string cpu_json = cpu.json();
    std::sort(samples.begin(), samples.end());
    std::printf("{\"count\": %zu, \"median_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f, %s}\n", samples.size(),
                quantile(samples, 0.5), quantile(samples, 0.99), samples.back(), cpu_json.c_str());
}

}  // namespace alp::bench
