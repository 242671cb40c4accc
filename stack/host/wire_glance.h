// SPDX-License-Identifier: GPL-2.0
// Whether a thread that is in the stack anyway should look into the wire: before it waits, or in passing, at a call.
//
// Where the answer comes before the question's thread has come to waiting (the peer shares its core, or is quicker than
// the way through the stack), a look finds it, and the wait is spared: a system call and a good part of the time that a
// small round trip takes. A server under load never waits, and would leave the wire to the keeper, with whom it then
// disputes the CPU. Where there is mostly nothing, the look is in vain. Programs stay with one or the other for long,
// so what the last looks found decides, and once in a while one is tried again.
#pragma once

#include <cstdint>

namespace alp::stack {

/// One per process and occasion; protected by the token.
class WireGlance {
public:
    /// `rest`: of so many occasions one is taken for a trial.
    constexpr explicit WireGlance(std::uint32_t rest) : rest_(rest) {}

    /// Asked at each occasion; answers true when a look is due.
    [[nodiscard]] bool is_due() {
        if (in_vain_ < kInVainUntilRest) {
            return true;
        }
        if (++rested_ < rest_) {
            return false;
        }
        rested_ = 0;
        return true;
    }

    void note(bool found) { in_vain_ = found ? 0 : in_vain_ + (in_vain_ < kInVainUntilRest ? 1 : 0); }

private:
    static constexpr std::uint32_t kInVainUntilRest = 3;

    std::uint32_t rest_;
    std::uint32_t in_vain_ = 0;  ///< looks in a row that found nothing
    std::uint32_t rested_ = 0;
};

}  // namespace alp::stack
