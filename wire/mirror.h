// SPDX-License-Identifier: GPL-2.0
// The stack on the host's own addresses: mirrors links' MTUs, addresses and routes of the host onto alp0.
#pragma once

#include <utility>
#include <vector>

#include "base/result.h"
#include "stack/host/clock.h"
#include "wire/path_mtu_watch.h"
#include "wire/records.h"
#include "wire/rtnetlink.h"

namespace alp::wire {

/// Brings up the stack's lo and alp0 and gives alp0 the host's addresses and routes, once. The stack must run
/// (stack::start). Errors: ENODEV no alp0 in the stack; else those of either kernel's rtnetlink.
Result<void> mirror_host();

/// The same, and then following the host's changes. One per process; use from one thread at a time.
class Mirror {
public:
    /// Subscribes to the host's changes first and then does what mirror_host() does, so that none is missed.
    static Result<Mirror> start();

    /// A host descriptor that polls readable when the host's configuration may have changed. It is private to
    /// Alpine: the program must not be able to close it.
    [[nodiscard]] int change_fd() const { return changes_.fd(); }

    /// For how long to wait for that at most while the stack is used, in ms: nobody announces path MTUs.
    static constexpr int kWaitMs = PathMtuWatch::kReadEveryMs;

    /// Brings the stack up to date with what has been announced, or learnt by the host; cheap when nothing of it
    /// concerns alp0. Does not wait. After an error the next call tries again.
    Result<void> follow();

private:
    explicit Mirror(Channel changes) : changes_(std::move(changes)) {}

    /// Dumps the host and applies what is different.
    Result<void> look();

    /// True when a notification can change what alp0 carries.
    [[nodiscard]] bool concerns_us(const nlmsghdr& message) const;

    Channel changes_;
    PathMtuWatch path_mtus_;
    std::uint64_t path_mtus_until_ns_ = stack::kNever;  ///< CLOCK_MONOTONIC: then the host forgets one
    MirrorState mirror_;
    std::vector<Link> links_;  ///< those of the host that the mirror depends on
    bool stale_ = false;       ///< something has changed that the stack does not have yet
};

}  // namespace alp::wire
