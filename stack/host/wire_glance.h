// SPDX-License-Identifier: GPL-2.0
// Whether a thread that is about to wait should look into the wire first.
//
// Where the answer comes before the question's thread has come to waiting (the peer shares its core, or is quicker than
// the way through the stack), a look finds it, and the wait is spared: a system call and a good part of the time that a
// small round trip takes. Where it comes later, the look is in vain. Programs stay with one or the other for long, so
// what the last looks found decides, and once in a while one is tried again.
#pragma once

#include <cstdint>

namespace alp::stack {

/// One per process; protected by the token.
class WireGlance {
public:
    /// Asked before each wait; answers true when a look is due.
    [[nodiscard]] bool is_due() {
        if (in_vain_ < kInVainUntilRest) {
            return true;
        }
        rested_ = (rested_ + 1) % kRest;
        return rested_ == 0;
    }

    void note(bool found) { in_vain_ = found ? 0 : in_vain_ + (in_vain_ < kInVainUntilRest ? 1 : 0); }

private:
    static constexpr std::uint32_t kInVainUntilRest = 3;
    static constexpr std::uint32_t kRest = 32;  ///< waits between two trials

    std::uint32_t in_vain_ = 0;  ///< looks in a row that found nothing
    std::uint32_t rested_ = 0;
};

}  // namespace alp::stack
