// SPDX-License-Identifier: GPL-2.0
// From the host's configuration to alp0's: pure functions, no system call.
#pragma once

#include "wire/records.h"

namespace alp::wire {

/// What alp0 has to carry so that the stack picks the same source addresses, reaches the same destinations and
/// keeps to the same path MTUs as the host.
[[nodiscard]] MirrorState plan_mirror(const HostState& host);

/// Would this address of the host be mirrored? Loopback, link-local IPv6 and not yet valid ones are not.
[[nodiscard]] bool is_mirrored(const Address& address);

/// Would this route of the host be mirrored?
[[nodiscard]] bool is_mirrored(const Route& route);

/// What has to be taken away and what has to be added to get from one configuration to another, in this order:
/// the order of `to` is kept in what is added.
struct MirrorChange {
    std::vector<Address> stale_addresses;
    std::vector<Route> stale_routes;
    std::vector<Address> new_addresses;
    std::vector<Route> new_routes;
};

[[nodiscard]] MirrorChange difference(const MirrorState& from, const MirrorState& to);

}  // namespace alp::wire
