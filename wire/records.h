// SPDX-License-Identifier: GPL-2.0
// What the mirror knows of a network configuration: links, addresses and routes as plain values.
//
// The same records describe the host (as it was dumped) and alp0 (as it should be). They compare by value, so
// that two configurations can be told apart and only the difference be applied.
#pragma once

#include <linux/rtnetlink.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace alp::wire {

/// An IPv4 or IPv6 address in network byte order; IPv4 uses the first four bytes, the rest are zero.
using AddressBytes = std::array<std::uint8_t, 16>;

/// The value of each RTAX_* metric of a route (rtnetlink(7), RTA_METRICS); 0 is "not set".
using RouteMetrics = std::array<std::uint32_t, RTAX_MAX + 1>;

/// A network device of the host.
struct Link {
    int index = 0;
    std::uint32_t flags = 0;  ///< IFF_*
    std::uint32_t mtu_bytes = 0;
    std::string name;

    auto operator<=>(const Link&) const = default;
};

/// One address of one link.
struct Address {
    std::uint8_t family = 0;  ///< AF_INET or AF_INET6
    std::uint8_t prefix_len = 0;
    std::uint8_t scope = 0;   ///< RT_SCOPE_*
    std::uint32_t flags = 0;  ///< IFA_F_*
    int link = 0;             ///< index of the link; 0 once it stands for alp0
    AddressBytes local{};
    std::optional<AddressBytes> peer;  ///< the other end of a point-to-point link

    // NOLINTNEXTLINE(modernize-use-nullptr): a false alarm of clang-tidy 14 about std::optional members
    auto operator<=>(const Address&) const = default;
};

/// One route of the main table.
struct Route {
    std::uint8_t family = 0;
    std::uint8_t type = 0;  ///< RTN_*
    std::uint8_t dst_len = 0;
    std::uint8_t tos = 0;
    std::uint8_t protocol = 0;  ///< RTPROT_*
    int link = 0;               ///< index of the outgoing link (the first, of several); 0 once it stands for alp0
    std::uint32_t priority = 0;
    AddressBytes dst{};
    std::optional<AddressBytes> gateway;
    std::optional<AddressBytes> prefsrc;
    RouteMetrics metrics{};

    // NOLINTNEXTLINE(modernize-use-nullptr): a false alarm of clang-tidy 14 about std::optional members
    auto operator<=>(const Route&) const = default;
};

/// What the host has learnt of the path to one destination, from an ICMP error or an ICMPv6 one.
struct PathMtu {
    std::uint8_t family = 0;
    AddressBytes dst{};
    std::uint32_t mtu_bytes = 0;
    std::uint32_t expires_ms = 0;  ///< from when it was read; 0: never
};

/// The host's configuration as far as the mirror reads it.
struct HostState {
    std::vector<Link> links;
    std::vector<Address> addresses;
    std::vector<Route> routes;
    std::vector<PathMtu> path_mtus{};
};

/// What alp0 should carry. Every `link` is 0.
struct MirrorState {
    std::uint32_t mtu_bytes = 0;
    std::vector<Address> addresses;
    std::vector<Route> routes;
};

/// True when the first `prefix_len` bits of `a` and `b` are the same.
[[nodiscard]] bool same_prefix(const AddressBytes& a, const AddressBytes& b, unsigned prefix_len);

}  // namespace alp::wire
