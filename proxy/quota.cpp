// SPDX-License-Identifier: GPL-2.0
#include "proxy/quota.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

namespace alp::proxy {
namespace {

constexpr unsigned default_share = 2;  // of the ephemeral ports, one user may have half
constexpr double burst_seconds = 2;

Error too_many(uid_t uid, unsigned has, const char* what) {
    return {ENOBUFS, fmt::format("user {} has {} {}, as many as alpined's policy allows", uid, has, what)};
}

}  // namespace

unsigned Quota::ephemeral_limit(const Limits& limits) const {
    return limits.ephemeral_ports.value_or((range_.last - range_.first + 1U) / default_share);
}

Quota::Use Quota::use_of(uid_t uid) const {
    Use sum;
    for (const auto& [ifindex, use] : stacks_) {
        if (use.uid == uid) {
            sum.ports += use.ports;
            sum.ephemeral += use.ephemeral;
        }
    }
    return sum;
}

Result<void> Quota::admit_stack(uid_t uid) const {
    const auto has = static_cast<unsigned>(
        std::ranges::count_if(stacks_, [uid](const auto& stack) { return stack.second.uid == uid; }));
    if (uid != 0 && has >= policy_.limits(uid).stacks) {
        return too_many(uid, has, "stacks");
    }
    return {};
}

bool Quota::take_token(uid_t uid, unsigned per_second, Clock::time_point now) {
    const double most = per_second * burst_seconds;
    const auto [found, is_new] = buckets_.try_emplace(uid, Bucket{most, now});
    Bucket& bucket = found->second;
    const double passed_s = std::chrono::duration<double>(now - bucket.filled).count();
    bucket.tokens = std::min(most, bucket.tokens + passed_s * per_second);
    bucket.filled = now;
    if (bucket.tokens < 1) {
        return false;
    }
    bucket.tokens -= 1;
    return true;
}

Result<void> Quota::admit_claim(uid_t uid, std::uint16_t port, Clock::time_point now) {
    if (uid == 0) {
        return {};
    }
    const Limits limits = policy_.limits(uid);
    if (!take_token(uid, limits.claims_per_second, now)) {
        return Error{EAGAIN, fmt::format("user {} claims more than the {} ports a second that alpined's policy allows",
                                         uid, limits.claims_per_second)};
    }
    const Use use = use_of(uid);
    if (use.ports >= limits.ports) {
        return too_many(uid, use.ports, "ports");
    }
    if (is_ephemeral(port) && use.ephemeral >= ephemeral_limit(limits)) {
        return too_many(uid, use.ephemeral, "ephemeral ports");
    }
    return {};
}

void Quota::add_stack(unsigned ifindex, uid_t uid) { stacks_[ifindex].uid = uid; }

void Quota::add_claim(unsigned ifindex, std::uint16_t port) {
    Use& use = stacks_[ifindex];
    ++use.ports;
    use.ephemeral += is_ephemeral(port) ? 1 : 0;
}

void Quota::remove_claim(unsigned ifindex, std::uint16_t port) {
    Use& use = stacks_[ifindex];
    use.ports -= std::min(use.ports, 1U);
    // The range may have changed since the claim.
    use.ephemeral -= std::min(use.ephemeral, is_ephemeral(port) ? 1U : 0U);
}

void Quota::recount(unsigned ifindex, const std::vector<alpine_endpoint>& endpoints) {
    Use& use = stacks_[ifindex];
    use.ports = 0;
    use.ephemeral = 0;
    for (const auto& endpoint : endpoints) {
        add_claim(ifindex, ntohs(endpoint.key.port_be));
    }
}

}  // namespace alp::proxy
