// SPDX-License-Identifier: GPL-2.0
// What each user has of the host, and whether it may be more.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include "abi/proxy.h"
#include "base/result.h"
#include "proxy/explicit_claim.h"
#include "proxy/policy/policy.h"

namespace alp::proxy {

/// Counts by stack (ifindex of its TUN), judges by user. Root has no limits.
class Quota {
public:
    using Clock = std::chrono::steady_clock;

    /// `policy` must outlive it, and may change.
    explicit Quota(const Policy& policy) : policy_(policy) { read_range(); }

    /// May the user have one stack more? ENOBUFS.
    [[nodiscard]] Result<void> admit_stack(uid_t uid) const;

    /// May the user claim this port (0: an ephemeral one) now? Counts as a try. Errors: EAGAIN too many in a short
    /// time, ENOBUFS too many.
    Result<void> admit_claim(uid_t uid, std::uint16_t port, Clock::time_point now = Clock::now());

    void add_stack(unsigned ifindex, uid_t uid);
    void remove_stack(unsigned ifindex) { stacks_.erase(ifindex); }
    void add_claim(unsigned ifindex, std::uint16_t port);
    void remove_claim(unsigned ifindex, std::uint16_t port);
    /// Counts a stack anew.
    void recount(unsigned ifindex, const std::vector<alpine_endpoint>& endpoints);

    /// Follows a change of the host's ip_local_port_range. To be called now and then.
    void read_range() { range_ = ephemeral_range(); }

private:
    struct Use {
        uid_t uid = 0;
        unsigned ports = 0;
        unsigned ephemeral = 0;
    };
    struct Bucket {
        double tokens = 0;
        Clock::time_point filled;
    };

    [[nodiscard]] bool is_ephemeral(std::uint16_t port) const {
        return port == 0 || (port >= range_.first && port <= range_.last);
    }
    [[nodiscard]] unsigned ephemeral_limit(const Limits& limits) const;
    [[nodiscard]] Use use_of(uid_t uid) const;
    bool take_token(uid_t uid, unsigned per_second, Clock::time_point now);

    const Policy& policy_;
    PortRange range_;
    std::map<unsigned, Use> stacks_;  // by ifindex
    std::map<uid_t, Bucket> buckets_;
};

}  // namespace alp::proxy
