// SPDX-License-Identifier: GPL-2.0
// Mutual exclusion for the tables of calls/.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>

#include <atomic>

#include "base/raw_syscall.h"
#include "calls/thread_state.h"

namespace alp::calls {

/// A futex lock that needs no construction, no libc, and can be made anew in a forked child.
class Lock {
public:
    void lock() {
        int expected = kFree;
        if (word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire)) {
            return;
        }
        while (word_.exchange(kContended, std::memory_order_acquire) != kFree) {
            raw_syscall(SYS_futex, arg(&word_), FUTEX_WAIT_PRIVATE, kContended, 0);
        }
    }

    void unlock() {
        if (word_.exchange(kFree, std::memory_order_release) == kContended) {
            raw_syscall(SYS_futex, arg(&word_), FUTEX_WAKE_PRIVATE, 1);
        }
    }

    /// For a forked child: whoever held the lock is not here. What is not written is not copied.
    void reset() {
        if (word_.load(std::memory_order_relaxed) != kFree) {
            word_.store(kFree, std::memory_order_relaxed);
        }
    }

private:
    static constexpr int kFree = 0;
    static constexpr int kHeld = 1;
    static constexpr int kContended = 2;
    std::atomic<int> word_{kFree};
};

/// Holds a Lock for a scope. The program's signal handlers are put off meanwhile: one that ran here and closed a
/// descriptor would wait for its own thread.
class Locked {
public:
    explicit Locked(Lock& lock) : lock_(lock) {
        enter_critical();
        lock_.lock();
    }
    ~Locked() {
        lock_.unlock();
        leave_critical();
    }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

private:
    Lock& lock_;
};

}  // namespace alp::calls
