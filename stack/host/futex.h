// SPDX-License-Identifier: GPL-2.0
// Words in the arena that host threads wait on. Not FUTEX_PRIVATE: the arena may be mapped by several processes.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <cstdint>

#include "base/raw_syscall.h"

namespace alp::stack {

/// Sleeps while `*word == expected`. `timeout` is relative; null: for ever. Returns 0 or a negative errno.
inline long futex_wait(std::uint32_t* word, std::uint32_t expected, const timespec* timeout = nullptr) {
    return raw_syscall(SYS_futex, arg(word), FUTEX_WAIT, expected, arg(timeout));
}

inline void futex_wake(std::uint32_t* word, int count) { raw_syscall(SYS_futex, arg(word), FUTEX_WAKE, count); }

}  // namespace alp::stack
