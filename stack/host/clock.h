// SPDX-License-Identifier: GPL-2.0
// The stack's time: CLOCK_MONOTONIC in nanoseconds.
#pragma once

#include <time.h>

#include <cstdint>

namespace alp::stack {

constexpr std::uint64_t kNever = ~std::uint64_t{0};  ///< a deadline that never comes
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

inline timespec to_timespec(std::uint64_t ns) {
    return {static_cast<time_t>(ns / kNsPerSecond), static_cast<long>(ns % kNsPerSecond)};
}

inline std::uint64_t clock_ns(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);  // the vDSO: no system call, little stack
    return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Async-signal-safe.
inline std::uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

}  // namespace alp::stack
