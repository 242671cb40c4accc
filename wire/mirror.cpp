// SPDX-License-Identifier: GPL-2.0
//
// Theory of operation
//
// The host's configuration is dumped by rtnetlink (host_state), turned into what alp0 should carry (plan), and
// the difference to what it carries now is applied by the stack's own rtnetlink (stack_config). At start-up
// "what it carries now" is nothing. A notification from the host is only a reason to look again: dumping and
// comparing costs little at the size of a routing table of an ordinary host, cannot drift, and needs no other
// path when the kernel drops notifications (ENOBUFS).
//
// Everything here runs inside a program that did not ask for it: host calls are raw system calls, descriptors are
// held no longer than needed, and nothing touches errno or signals.
#include "wire/mirror.h"

#include <net/if.h>

#include <algorithm>

#include "wire/host_state.h"
#include "wire/plan.h"
#include "wire/stack_config.h"

namespace alp::wire {

namespace {

constexpr std::uint32_t kGroups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;

struct View {
    HostState host;
    MirrorState mirror;
};

/// Looks at the host and makes the stack, which carries `current`, agree with it.
Result<View> synchronise(const MirrorState& current) {
    auto host = Channel::to_host();
    if (!host) {
        return host.error();
    }
    auto state = read_host_state(host.value());
    if (!state) {
        return state.error();
    }
    View view{std::move(state).value(), {}};
    view.mirror = plan_mirror(view.host);
    auto stack = Channel::to_stack();
    if (!stack) {
        return stack.error();
    }
    StackConfig config(stack.value());
    if (auto up = config.bring_up(view.mirror.mtu_bytes); !up) {
        return up.error();
    }
    if (auto applied = config.apply(difference(current, view.mirror)); !applied) {
        return applied.error();
    }
    return view;
}

/// The links whose state the mirror depends on. The TUN devices of other Alpine processes, which come and go, carry
/// no address and so are not among them.
std::vector<Link> links_in_use(const HostState& host) {
    std::vector<Link> used;
    for (const Link& link : host.links) {
        const auto on_link = [&](const auto& record) { return record.link == link.index && is_mirrored(record); };
        if (std::any_of(host.addresses.begin(), host.addresses.end(), on_link) ||
            std::any_of(host.routes.begin(), host.routes.end(), on_link)) {
            used.push_back(link);
        }
    }
    return used;
}

/// When the first of the path MTUs is one no more.
std::uint64_t first_expiry_ns(const HostState& host) {
    constexpr std::uint64_t kNsPerMs = 1'000'000;
    const std::uint64_t now_ns = stack::monotonic_ns();
    std::uint64_t first_ns = stack::kNever;
    for (const PathMtu& path : host.path_mtus) {
        if (path.expires_ms != 0) {
            first_ns = std::min(first_ns, now_ns + path.expires_ms * kNsPerMs);
        }
    }
    return first_ns;
}

}  // namespace

Result<void> mirror_host() {
    auto view = synchronise({});
    return view.ok() ? Result<void>() : view.error();
}

Result<Mirror> Mirror::start() {
    auto changes = Channel::to_host(kGroups);
    if (!changes) {
        return changes.error();
    }
    changes.value().move_high();
    Mirror mirror(std::move(changes).value());
    if (auto looked = mirror.look(); !looked) {
        return looked.error();
    }
    return mirror;
}

Result<void> Mirror::look() {
    auto view = synchronise(mirror_);
    if (!view) {
        return view.error();
    }
    mirror_ = std::move(view.value().mirror);
    links_ = links_in_use(view.value().host);
    path_mtus_until_ns_ = first_expiry_ns(view.value().host);
    stale_ = false;
    return {};
}

bool Mirror::concerns_us(const nlmsghdr& message) const {
    switch (message.nlmsg_type) {
        case RTM_NEWADDR:
        case RTM_DELADDR: {
            const auto address = parse_address(message);
            return address && is_mirrored(*address);
        }
        case RTM_NEWROUTE:
        case RTM_DELROUTE: {
            const auto route = parse_route(message);
            return route && is_mirrored(*route);
        }
        case RTM_NEWLINK:
        case RTM_DELLINK: {
            // A link that goes down takes its IPv4 routes along without a word about them.
            const auto link = parse_link(message);
            return link && std::any_of(links_.begin(), links_.end(), [&](const Link& known) {
                       return known.index == link->index &&
                              (message.nlmsg_type == RTM_DELLINK || known.mtu_bytes != link->mtu_bytes ||
                               ((known.flags ^ link->flags) & IFF_UP) != 0);
                   });
        }
        default:
            return false;
    }
}

Result<void> Mirror::follow() {
    auto complete = changes_.drain([&](const nlmsghdr& message) { stale_ = stale_ || concerns_us(message); });
    if (!complete) {
        return complete.error();
    }
    const bool learnt = path_mtus_.host_may_have_learnt();
    stale_ = stale_ || !complete.value() || learnt || stack::monotonic_ns() >= path_mtus_until_ns_;
    return stale_ ? look() : Result<void>();
}

}  // namespace alp::wire
