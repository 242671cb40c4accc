// SPDX-License-Identifier: GPL-2.0
//
// Theory of operation
//
// The stack has one device, alp0, where the host may have many. Three things of the host's many links must not
// get lost on the way:
//
//  - which source address a destination gets: the host takes it from the outgoing link. So a route that names no
//    preferred source gets one here: for IPv4 what the host's own rule (inet_select_addr() in
//    net/ipv4/devinet.c) would answer; for IPv6 the link's only global address. A link with several IPv6 addresses
//    is left to RFC 6724 in the stack, which knows more than a fixed choice could;
//  - which packet size the path allows: alp0 has the MTU of the largest link, and a route over a smaller link
//    carries that link's MTU as its metric;
//    What the host has learnt of a path becomes a route to that one destination, with the path's MTU;
//  - which routes exist at all: all become "dev alp0". Gateways and neighbours are the host's business when the
//    packet leaves (the steering program asks the host's routing table again).
#include "wire/plan.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>

namespace alp::wire {

namespace {

constexpr std::uint32_t kDefaultMtuBytes = 1500; /* of alp0 on a host that has no address at all */
constexpr std::uint8_t kIpv4Bits = 32;
constexpr std::uint8_t kIpv6Bits = 128;
constexpr std::uint32_t kInvalidAddress = IFA_F_TENTATIVE | IFA_F_DADFAILED;
constexpr std::uint32_t kMirroredFlags = IFA_F_DEPRECATED | IFA_F_HOMEADDRESS;

bool is_link_local_v6(const AddressBytes& address) { return address[0] == 0xfe && (address[1] & 0xc0) == 0x80; }

bool is_loopback(std::uint8_t family, const AddressBytes& address) {
    if (family == AF_INET) {
        return address[0] == IN_LOOPBACKNET;
    }
    constexpr AddressBytes kLoopbackV6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return address == kLoopbackV6;
}

const Link* find_link(const HostState& host, int index) {
    const auto found =
        std::find_if(host.links.begin(), host.links.end(), [index](const Link& link) { return link.index == index; });
    return found == host.links.end() ? nullptr : &*found;
}

bool has_address(const std::vector<Address>& addresses, std::uint8_t family, const AddressBytes& local) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const Address& address) { return address.family == family && address.local == local; });
}

/// The host's choice for IPv4: the link's first primary address that shares a subnet with the gateway, else the
/// first primary one.
std::optional<AddressBytes> ipv4_source(const HostState& host, const Route& route) {
    std::optional<AddressBytes> first;
    for (const Address& address : host.addresses) {
        if (address.family != AF_INET || address.link != route.link || !is_mirrored(address) ||
            (address.flags & IFA_F_SECONDARY) != 0) {
            continue;
        }
        const AddressBytes& subnet = address.peer ? *address.peer : address.local;
        if (!route.gateway || same_prefix(subnet, *route.gateway, address.prefix_len)) {
            return address.local;
        }
        if (!first) {
            first = address.local;
        }
    }
    return first;
}

std::optional<AddressBytes> ipv6_source(const HostState& host, const Route& route) {
    std::optional<AddressBytes> only;
    for (const Address& address : host.addresses) {
        if (address.family != AF_INET6 || address.link != route.link || !is_mirrored(address)) {
            continue;
        }
        if (only) {
            return std::nullopt;
        }
        only = address.local;
    }
    return only;
}

std::uint32_t largest_mtu_in_use(const HostState& host) {
    std::uint32_t largest = 0;
    for (const Link& link : host.links) {
        const bool in_use = std::any_of(host.addresses.begin(), host.addresses.end(), [&](const Address& address) {
            return address.link == link.index && is_mirrored(address);
        });
        if (in_use && (link.flags & IFF_UP) != 0 && (link.flags & IFF_LOOPBACK) == 0) {
            largest = std::max(largest, link.mtu_bytes);
        }
    }
    return largest == 0 ? kDefaultMtuBytes : largest;
}

Address mirrored(const Address& address) {
    Address copy = address;
    copy.link = 0;
    copy.flags &= kMirroredFlags;
    return copy;
}

Route mirrored(const HostState& host, const MirrorState& mirror, const Route& route) {
    Route copy = route;
    copy.link = 0;
    copy.gateway.reset();
    if (route.type != RTN_UNICAST) {
        copy.prefsrc.reset();
        return copy;
    }
    if (!copy.prefsrc) {
        copy.prefsrc = route.family == AF_INET ? ipv4_source(host, route) : ipv6_source(host, route);
    }
    if (copy.prefsrc && !has_address(mirror.addresses, copy.family, *copy.prefsrc)) {
        copy.prefsrc.reset();  // the stack refuses a source that is not its own
    }
    const Link* link = find_link(host, route.link);
    if (link != nullptr && copy.metrics[RTAX_MTU] == 0 && link->mtu_bytes < mirror.mtu_bytes) {
        copy.metrics[RTAX_MTU] = link->mtu_bytes;
    }
    return copy;
}

/// The route of alp0 that a packet to this destination would take: of the longest prefixes the one of least priority
/// value, and of those the first.
Route* find_route(MirrorState& mirror, const PathMtu& path) {
    Route* best = nullptr;
    for (Route& route : mirror.routes) {
        if (route.family == path.family && route.tos == 0 && same_prefix(route.dst, path.dst, route.dst_len) &&
            (best == nullptr || route.dst_len > best->dst_len ||
             (route.dst_len == best->dst_len && route.priority < best->priority))) {
            best = &route;
        }
    }
    return best;
}

void add_path_mtu(MirrorState& mirror, const PathMtu& path) {
    Route* taken = find_route(mirror, path);
    if (taken == nullptr || taken->type != RTN_UNICAST) {
        return;
    }
    std::uint32_t& taken_mtu_bytes = taken->metrics[RTAX_MTU];
    if (path.mtu_bytes >= (taken_mtu_bytes != 0 ? taken_mtu_bytes : mirror.mtu_bytes)) {
        return;
    }
    const std::uint8_t all_bits = path.family == AF_INET ? kIpv4Bits : kIpv6Bits;
    if (taken->dst_len == all_bits) {
        taken_mtu_bytes = path.mtu_bytes;
        return;
    }
    Route route = *taken;
    route.dst = path.dst;
    route.dst_len = all_bits;
    route.metrics[RTAX_MTU] = path.mtu_bytes;
    mirror.routes.push_back(route);
}

/// The records of `list` that `other` has not, in the order of `list`.
template <typename Record>
std::vector<Record> without(const std::vector<Record>& list, std::vector<Record> other) {
    std::sort(other.begin(), other.end());
    std::vector<Record> rest;
    std::copy_if(list.begin(), list.end(), std::back_inserter(rest),
                 [&](const Record& record) { return !std::binary_search(other.begin(), other.end(), record); });
    return rest;
}

}  // namespace

bool is_mirrored(const Address& address) {
    return !is_loopback(address.family, address.local) && (address.flags & kInvalidAddress) == 0 &&
           !(address.family == AF_INET6 && is_link_local_v6(address.local));
}

bool is_mirrored(const Route& route) {
    if (route.family == AF_INET6 && route.dst_len >= 8 && (is_link_local_v6(route.dst) || route.dst[0] == 0xff)) {
        return false;
    }
    if (route.dst_len >= 8 && is_loopback(route.family, route.dst)) {
        return false;
    }
    return route.type == RTN_UNICAST || route.type == RTN_UNREACHABLE || route.type == RTN_BLACKHOLE ||
           route.type == RTN_PROHIBIT || route.type == RTN_THROW;
}

MirrorState plan_mirror(const HostState& host) {
    MirrorState mirror;
    mirror.mtu_bytes = largest_mtu_in_use(host);
    for (const Address& address : host.addresses) {
        // One address on two links of the host is one address of alp0.
        if (is_mirrored(address) && !has_address(mirror.addresses, address.family, address.local)) {
            mirror.addresses.push_back(mirrored(address));
        }
    }
    for (const Route& route : host.routes) {
        if (is_mirrored(route)) {
            mirror.routes.push_back(mirrored(host, mirror, route));
        }
    }
    for (const PathMtu& path : host.path_mtus) {
        add_path_mtu(mirror, path);
    }
    return mirror;
}

MirrorChange difference(const MirrorState& from, const MirrorState& to) {
    MirrorChange change;
    change.stale_addresses = without(from.addresses, to.addresses);
    change.stale_routes = without(from.routes, to.routes);
    change.new_addresses = without(to.addresses, from.addresses);
    change.new_routes = without(to.routes, from.routes);
    return change;
}

}  // namespace alp::wire
