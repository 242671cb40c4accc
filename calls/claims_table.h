// SPDX-License-Identifier: GPL-2.0
// The table of claims as it lies in the memory that a family of processes shares. Used by claims.cpp.
#pragma once

#include <atomic>

#include "base/shared_lock.h"

namespace alp::calls {

struct Claim;

/// Free leases of one protocol: first in, first out.
struct Leases {
    Claim* first;
    Claim* last;
    unsigned count;
    unsigned next_batch;
};

/// Under `lock`. Zeroed memory, but for the pool, is an empty one.
struct ClaimsTable {
    static constexpr unsigned kBuckets = 1024;

    SharedLock lock;
    Leases tcp_leases;
    Leases udp_leases;
    Claim* buckets[kBuckets];
    Claim* unused;
    char* pool_next;
    char* pool_end;
    std::atomic<unsigned> idle;
    std::atomic<bool> uncertain;  ///< a process has died or become another program: users may be counted that are none
    std::atomic<long> next_housekeeping_ns;
};

}  // namespace alp::calls
