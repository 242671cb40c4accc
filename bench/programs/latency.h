// SPDX-License-Identifier: GPL-2.0
// The distribution of the times of something done many times over.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/programs/cpu_time.h"

namespace alp::bench {

inline constexpr std::size_t kWarmUpRounds = 100;

/// The value below which `fraction` of the sorted samples lie.
inline double quantile(const std::vector<double>& sorted, double fraction) {
    const auto index = static_cast<std::size_t>(fraction * static_cast<double>(sorted.size()));
    return sorted[std::min(index, sorted.size() - 1)];
}

/// After a warm-up, `count` round trips, each by a call of `round_trip_us`, which returns how long it took; prints one
/// JSON object, times in microseconds.
template <typename RoundTrip>
void measure_round_trips(RoundTrip round_trip_us, std::size_t count) {
    for (std::size_t i = 0; i < kWarmUpRounds; ++i) {
        round_trip_us();
    }
    std::vector<double> samples(std::max<std::size_t>(1, count));
    const CpuMeter cpu;
    std::generate(samples.begin(), samples.end(), round_trip_us);
    const std::string cpu_json = cpu.json();
    std::sort(samples.begin(), samples.end());
    std::printf("{\"count\": %zu, \"median_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f, %s}\n", samples.size(),
                quantile(samples, 0.5), quantile(samples, 0.99), samples.back(), cpu_json.c_str());
}

}  // namespace alp::bench
