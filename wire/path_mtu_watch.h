// SPDX-License-Identifier: GPL-2.0
// When to look for path MTUs that the host has learnt.
//
// The kernel keeps them as exceptions beside its routes and notifies nobody. What it does count is the ICMP errors that
// it learns from; those of Alpine's own flows are not among them, since they never get that far. So the counters are
// read every kReadEveryMs, which takes some 20 us, and only if they have moved is the routing table dumped.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"

namespace alp::wire {

class PathMtuWatch {
public:
    /// How long a change may wait to be seen: well within the 100 ms of the mirror.
    static constexpr int kReadEveryMs = 50;

    /// Has the host received such an error since the last time? The first call opens the counters, on the calling
    /// thread's descriptor table, and answers yes; where they cannot be read, it is no ever after. One thread.
    bool host_may_have_learnt();

private:
    UniqueFd ipv4_;
    UniqueFd ipv6_;
    bool opened_ = false;
    std::uint64_t seen_ = 0;  ///< both counters' sum
};

/// The counter of that name in a table of /proc/net/snmp (a line of names and one of values, both of which begin with
/// `table`); 0: it is not there, as one that never moved. `text` ends with a zero byte.
[[nodiscard]] std::uint64_t snmp_counter(const char* text, const char* table, const char* name);

/// The same for the format of /proc/net/snmp6: a name and a value in each line.
[[nodiscard]] std::uint64_t snmp6_counter(const char* text, const char* name);

}  // namespace alp::wire
