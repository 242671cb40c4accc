// SPDX-License-Identifier: GPL-2.0
// Reading the host's links, addresses and routes by rtnetlink.
#pragma once

#include <linux/netlink.h>

#include <optional>

#include "base/result.h"
#include "wire/records.h"
#include "wire/rtnetlink.h"

namespace alp::wire {

/// One RTM_NEWLINK or RTM_DELLINK message; nullopt when it is malformed.
[[nodiscard]] std::optional<Link> parse_link(const nlmsghdr& message);

/// One RTM_NEWADDR or RTM_DELADDR message; nullopt when it is malformed or of another family than IP.
[[nodiscard]] std::optional<Address> parse_address(const nlmsghdr& message);

/// One RTM_NEWROUTE or RTM_DELROUTE message; nullopt when it is malformed, not a route of the main table, not
/// installed (dead link, cached clone), or selects on a source prefix, which alp0 has no use for.
[[nodiscard]] std::optional<Route> parse_route(const nlmsghdr& message);

/// What an RTM_NEWROUTE message says of a path MTU that was learnt: the kernel dumps these as clones of a route.
/// nullopt: it is something else.
[[nodiscard]] std::optional<PathMtu> parse_path_mtu(const nlmsghdr& message);

/// Dumps the whole state. Tried again, a few times, when it changes meanwhile (EAGAIN after that).
Result<HostState> read_host_state(Channel& host);

}  // namespace alp::wire
