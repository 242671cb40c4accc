// SPDX-License-Identifier: GPL-2.0
// A small futex lock for preloaded code: no libc, and safe to take where signal handlers may run the same code,
// because all signals of the thread wait while it is held.
#pragma once

#include <linux/futex.h>
#include <signal.h>

#include <atomic>
#include <cstdint>

#include "base/raw_syscall.h"

namespace alp::proxy {

/// 0 free, 1 held, 2 held with waiters (Drepper, "Futexes are tricky", mutex 2).
class FutexLock {
public:
    void lock() {
        std::uint32_t seen = 0;
        if (state_.compare_exchange_strong(seen, 1, std::memory_order_acquire)) {
            return;
        }
        while (state_.exchange(2, std::memory_order_acquire) != 0) {
            raw_syscall(SYS_futex, arg(&state_), FUTEX_WAIT_PRIVATE, 2);
        }
    }

    void unlock() {
        if (state_.exchange(0, std::memory_order_release) == 2) {
            raw_syscall(SYS_futex, arg(&state_), FUTEX_WAKE_PRIVATE, 1);
        }
    }

    /// Forgets whoever held it: only in the child after fork(), which has one thread.
    void reset() { state_.store(0, std::memory_order_relaxed); }

private:
    std::atomic<std::uint32_t> state_{0};
};

/// Holds the lock, with all signals of the thread blocked, while in scope.
class LockedWithoutSignals {
public:
    explicit LockedWithoutSignals(FutexLock& lock) : lock_(lock) {
        const std::uint64_t all = ~0ULL;
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&all), arg(&previous_), sizeof(all));
        lock_.lock();
    }
    ~LockedWithoutSignals() {
        lock_.unlock();
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&previous_), 0, sizeof(previous_));
    }
    LockedWithoutSignals(const LockedWithoutSignals&) = delete;
    LockedWithoutSignals& operator=(const LockedWithoutSignals&) = delete;

private:
    FutexLock& lock_;
    std::uint64_t previous_ = 0;  // the kernel's signal set, 64 signals
};

}  // namespace alp::proxy
