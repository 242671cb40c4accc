// SPDX-License-Identifier: GPL-2.0
// A lock in memory that processes share, whose holder may be killed at any time.
//
// The word is the id of the thread that holds it. Who waits for long asks whether that thread still lives, and takes
// the lock from a dead one; what it protects must be fit for use after each single store.
#pragma once

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <atomic>
#include <cstdint>

#include "base/raw_syscall.h"
#include "base/thread_death.h"

namespace alp {

/// Zero-initialised memory is a free lock.
class SharedLock {
public:
    /// `self`: gettid(2) of the calling thread.
    void lock(std::uint32_t self) {
        std::uint32_t seen = 0;
        while (!word_.compare_exchange_strong(seen, self, std::memory_order_acquire)) {
            wait(seen, self);
            seen = 0;
            // Others may wait as well.
            if (word_.compare_exchange_strong(seen, self | FUTEX_WAITERS, std::memory_order_acquire)) {
                return;
            }
            seen = 0;
        }
    }

    void unlock() {
        if ((word_.exchange(0, std::memory_order_release) & FUTEX_WAITERS) != 0) {
            raw_syscall(SYS_futex, arg(&word_), FUTEX_WAKE, 1);
        }
    }

private:
    void wait(std::uint32_t seen, std::uint32_t self) {
        const timespec doubt = {0, 20'000'000}; /* 20 ms */
        if (seen == 0) {
            return;
        }
        if ((seen & FUTEX_WAITERS) == 0 && !word_.compare_exchange_strong(seen, seen | FUTEX_WAITERS)) {
            return;
        }
        seen |= FUTEX_WAITERS;
        const long result = raw_syscall(SYS_futex, arg(&word_), FUTEX_WAIT, seen, arg(&doubt));
        const std::uint32_t holder = seen & FUTEX_TID_MASK;
        if (result == -ETIMEDOUT && holder != self && is_dead(holder)) {
            word_.compare_exchange_strong(seen, 0);
        }
    }

    std::atomic<std::uint32_t> word_{0};
};

}  // namespace alp
