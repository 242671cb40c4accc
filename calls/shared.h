// SPDX-License-Identifier: GPL-2.0
// What the processes of a family (stack/host/family.h) have in common on this side of the stack: the ports that they
// own on the host, the connection to alpined, and descriptors under way between them.
#pragma once

#include "calls/claims_table.h"
#include "calls/passing_table.h"
#include "calls/thread_state.h"
#include "proxy/client/client.h"
#include "stack/host/clock.h"
#include "stack/host/stack.h"

namespace alp::calls {

/// At the beginning of stack::shared_memory(). Zeroed memory is a new one.
struct Shared {
    ClaimsTable claims;
    PassingTable passing;
    proxy::ClientShared client;
    char address[108];  ///< of alpined
};

/// Once the stack runs.
inline Shared& shared() { return *static_cast<Shared*>(stack::shared_memory().start); }

/// When something happened, as the tables note it: CLOCK_MONOTONIC, in nanoseconds.
inline long now_ns() { return static_cast<long>(stack::monotonic_ns()); }

/// Holds a lock of shared memory for a scope, the program's handlers put off.
class SharedLocked {
public:
    explicit SharedLocked(SharedLock& lock) : lock_(lock) {
        enter_critical();
        lock_.lock(stack::thread_id());
    }
    ~SharedLocked() {
        lock_.unlock();
        leave_critical();
    }
    SharedLocked(const SharedLocked&) = delete;
    SharedLocked& operator=(const SharedLocked&) = delete;

private:
    SharedLock& lock_;
};

/// As the first process of a family: gives each part its memory.
void lay_out_shared_memory();

}  // namespace alp::calls
