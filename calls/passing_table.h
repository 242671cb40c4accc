// SPDX-License-Identifier: GPL-2.0
// Descriptors of the stack that are under way, as they lie in the memory that a family of processes shares. Used by
// passing.cpp.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "base/shared_lock.h"

namespace alp::calls {

/// One descriptor under way.
struct HeldDescriptor {
    ino_t pipe;             ///< of the ticket
    long handle;            ///< by which the stack holds the open file (ALPINE_NR_hold); 0: it was received
    std::uint32_t process;  ///< that sent it, and has
    int reader;             ///< the pipe's reading end, which hangs up with the last ticket
    long since_ns;
};

/// Under `lock`. Zeroed memory is an empty one.
struct PassingTable {
    static constexpr int kMaxHeld = 1024;

    SharedLock lock;
    std::atomic<int> count;
    HeldDescriptor held[kMaxHeld];
};

}  // namespace alp::calls
