// SPDX-License-Identifier: GPL-2.0
// The active keeper's watch over the processes of the family: a pidfd for each but its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/host/clock.h"
#include "stack/host/cpu.h"

namespace alp::stack {

/// Used by one thread, with a descriptor table of its own.
class Vigil {
public:
    explicit Vigil(Family& family) : family_(family) {}
    Vigil(const Vigil&) = delete;
    Vigil& operator=(const Vigil&) = delete;

    /// False: no memory or descriptors.
    bool begin();

    /// Polls readable when a process has ended.
    [[nodiscard]] int fd() const { return epoll_; }

    /// When to look again by oneself, for forks that nobody has told of (Cpu::tell_keeper_of_fork()). CLOCK_MONOTONIC.
    [[nodiscard]] std::uint64_t look_again_ns() const { return look_again_ns_; }

    /// A member whose process has ended; none: no seat. Takes up new members, too.
    Cpu::Seat next_dead();

private:
    /// What is watched in the place of a member.
    struct Watch {
        std::uint32_t serial;  ///< 0: nobody is watched here
        int pidfd;
    };

    void take_up_changes();
    void watch(std::uint32_t place, const Member& member);
    void unwatch(std::uint32_t place);

    static constexpr std::uint64_t kLookAgainNs = 200'000'000; /* 200 ms */

    Family& family_;
    std::uint64_t look_again_ns_ = kNever;
    Watch* watches_ = nullptr;
    int epoll_ = -1;
    std::uint32_t seen_generation_ = 0;
    std::uint32_t own_process_ = 0;
    std::uint32_t vanished_ = 0;  ///< one more than the place of a process that was gone before it could be watched
};

}  // namespace alp::stack
