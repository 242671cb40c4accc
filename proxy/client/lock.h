// SPDX-License-Identifier: GPL-2.0
// A scope that holds a lock of preloaded code: no libc, and safe to take where signal handlers may run the same code,
// because all signals of the thread wait while it is held.
#pragma once

#include <sys/syscall.h>

#include <csignal>
#include <cstdint>

#include "base/raw_syscall.h"
#include "base/shared_lock.h"

namespace alp::proxy {

/// Holds the lock, with all signals of the thread blocked, while in scope.
class LockedWithoutSignals {
public:
    explicit LockedWithoutSignals(SharedLock& lock) : lock_(lock) {
        const std::uint64_t all = ~0ULL;
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&all), arg(&previous_), sizeof(all));
        lock_.lock(static_cast<std::uint32_t>(raw_syscall(SYS_gettid)));
    }
    ~LockedWithoutSignals() {
        lock_.unlock();
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&previous_), 0, sizeof(previous_));
    }
    LockedWithoutSignals(const LockedWithoutSignals&) = delete;
    LockedWithoutSignals& operator=(const LockedWithoutSignals&) = delete;

private:
    SharedLock& lock_;
    std::uint64_t previous_ = 0;  // the kernel's signal set, 64 signals
};

}  // namespace alp::proxy
