// SPDX-License-Identifier: GPL-2.0
// The calls that Alpine takes over, by number.
#pragma once

#include <array>

namespace alp::calls {

/// One past the highest number that may be in the table.
inline constexpr long kTableCalls = 512;

/// Not zero for the numbers that are taken over. A plain array, for the stubs of call sites.
extern const std::array<unsigned char, kTableCalls> taken_over;

/// Is this number taken over? Async-signal-safe.
inline bool takes_over(long number) {
    return static_cast<unsigned long>(number) < kTableCalls && taken_over[static_cast<unsigned long>(number)] != 0;
}

/// The name of a call that is taken over, a literal; "?" for others.
[[nodiscard]] const char* name_of_call(long number);

/// Makes a call by its number: through its function here if it has one, else the host's. Answers as the kernel does.
/// Not a cancellation point: what comes by number comes from syscall() or from code inside libc.
long call_by_number(long number, long a, long b, long c, long d, long e, long f);

}  // namespace alp::calls
