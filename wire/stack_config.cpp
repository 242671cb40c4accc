// SPDX-License-Identifier: GPL-2.0
#include "wire/stack_config.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>

namespace alp::wire {

namespace {

constexpr const char* kWireName = "alp0";
constexpr std::uint32_t kForever = 0xffffffffU; /* seconds: INFINITY_LIFE_TIME of the address families */

std::size_t address_len(std::uint8_t family) { return family == AF_INET ? 4 : 16; /* bytes */ }

std::span<const std::uint8_t> value_of(std::uint8_t family, const AddressBytes& address) {
    return {address.data(), address_len(family)};
}

Result<void> with_context(const Result<void>& result, const char* context) {
    return result.ok() ? Result<void>() : Error{result.error().code, context};
}

/// Settings of alp0 that the kernel's defaults get wrong for a device that only mirrors:
/// when a first address of a subnet goes, the others stay; and no link-local address is invented, since the
/// host does not have it and nothing sent from it would be let through.
void put_device_settings(Message& message) {
    const std::size_t families = message.begin_nest(IFLA_AF_SPEC);
    const std::size_t inet = message.begin_nest(AF_INET);
    const std::size_t conf = message.begin_nest(IFLA_INET_CONF);
    message.put_u32(IPV4_DEVCONF_PROMOTE_SECONDARIES, 1);
    message.end_nest(conf);
    message.end_nest(inet);
    const std::size_t inet6 = message.begin_nest(AF_INET6);
    message.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    message.end_nest(inet6);
    message.end_nest(families);
}

void put_metrics(Message& message, const RouteMetrics& metrics) {
    const std::size_t nest = message.begin_nest(RTA_METRICS);
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        if (metrics[i] != 0) {
            message.put_u32(static_cast<std::uint16_t>(i), metrics[i]);
        }
    }
    message.end_nest(nest);
}

}  // namespace

Result<int> StackConfig::link_index(const char* name) {
    Message request(RTM_GETLINK, 0);
    request.header<ifinfomsg>().ifi_family = AF_UNSPEC;
    int index = 0;
    const std::string_view wanted(name);
    auto dumped = stack_.dump(request, [&](const nlmsghdr& message) {
        const auto* header = static_cast<const ifinfomsg*>(NLMSG_DATA(&message));
        for_each_attribute(IFLA_RTA(header), IFLA_PAYLOAD(&message), [&](const rtattr& attribute) {
            if (attribute.rta_type == IFLA_IFNAME &&
                wanted == std::string_view(static_cast<const char*>(RTA_DATA(&attribute)))) {
                index = header->ifi_index;
            }
        });
    });
    if (!dumped) {
        return dumped.error();
    }
    if (index == 0) {
        return Error{ENODEV, std::string("the stack has no device ") + name};
    }
    return index;
}

Result<void> StackConfig::set_up(int index) {
    Message request(RTM_NEWLINK, 0);
    auto& header = request.header<ifinfomsg>();
    header.ifi_index = index;
    header.ifi_flags = IFF_UP;
    header.ifi_change = IFF_UP;
    return with_context(stack_.request(request), "bringing up a device of the stack");
}

Result<void> StackConfig::prepare_wire(std::uint32_t mtu_bytes) {
    Message request(RTM_NEWLINK, 0);
    request.header<ifinfomsg>().ifi_index = wire_index_;
    request.put_u32(IFLA_MTU, mtu_bytes);
    put_device_settings(request);
    return with_context(stack_.request(request), "preparing alp0");
}

Result<void> StackConfig::bring_up(std::uint32_t mtu_bytes) {
    auto loopback = link_index("lo");
    if (!loopback) {
        return loopback.error();
    }
    if (auto up = set_up(loopback.value()); !up) {
        return up;
    }
    auto wire = link_index(kWireName);
    if (!wire) {
        return wire.error();
    }
    wire_index_ = wire.value();
    if (auto prepared = prepare_wire(mtu_bytes); !prepared) {
        return prepared;
    }
    return set_up(wire_index_);
}

Result<void> StackConfig::change_address(const Address& address, bool add) {
    Message request(add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
    auto& header = request.header<ifaddrmsg>();
    header.ifa_family = address.family;
    header.ifa_prefixlen = address.prefix_len;
    header.ifa_scope = address.scope;
    header.ifa_index = static_cast<std::uint32_t>(wire_index_);
    request.put(IFA_LOCAL, value_of(address.family, address.local));
    request.put(IFA_ADDRESS, value_of(address.family, address.peer ? *address.peer : address.local));
    if (add) {
        // The host has done duplicate address detection, and every route is installed by its own record.
        const std::uint32_t no_dad = address.family == AF_INET6 ? IFA_F_NODAD : 0;
        request.put_u32(IFA_FLAGS, IFA_F_NOPREFIXROUTE | no_dad | (address.flags & IFA_F_HOMEADDRESS));
        // A deprecated address is one whose preferred lifetime is over; that is how the kernel is told.
        const ifa_cacheinfo lifetimes{(address.flags & IFA_F_DEPRECATED) != 0 ? 0 : kForever, kForever, 0, 0};
        request.put(IFA_CACHEINFO, {reinterpret_cast<const std::uint8_t*>(&lifetimes), sizeof(lifetimes)});
    }
    return with_context(stack_.request(request), add ? "adding an address to alp0" : "removing an address of alp0");
}

Result<void> StackConfig::change_route(const Route& route, bool add) {
    // Appended, so that of two routes to one destination the stack prefers the one the host prefers.
    Message request(add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_APPEND : 0);
    auto& header = request.header<rtmsg>();
    header.rtm_family = route.family;
    header.rtm_dst_len = route.dst_len;
    header.rtm_tos = route.tos;
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = route.protocol;
    header.rtm_type = route.type;
    if (route.dst_len != 0) {
        request.put(RTA_DST, value_of(route.family, route.dst));
    }
    if (route.priority != 0) {
        request.put_u32(RTA_PRIORITY, route.priority);
    }
    if (route.type == RTN_UNICAST) {
        header.rtm_scope = route.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
        request.put_u32(RTA_OIF, static_cast<std::uint32_t>(wire_index_));
        if (route.prefsrc) {
            request.put(RTA_PREFSRC, value_of(route.family, *route.prefsrc));
        }
        put_metrics(request, route.metrics);
    }
    return stack_.request(request);
}

void StackConfig::add_route(const Route& route) {
    auto added = change_route(route, true);
    // Two routes of the host that differ only in their outgoing link are one route over alp0.
    if (!added && added.error().code != EEXIST) {
        ++refused_routes_;
    }
}

Result<void> StackConfig::apply(const MirrorChange& change) {
    for (const Address& address : change.new_addresses) {
        if (auto added = change_address(address, true); !added) {
            return added;
        }
    }
    for (const Route& route : change.stale_routes) {
        // It may have gone with its preferred source already.
        (void)change_route(route, false);
    }
    for (const Route& route : change.new_routes) {
        add_route(route);
    }
    for (const Address& address : change.stale_addresses) {
        auto removed = change_address(address, false);
        if (!removed && removed.error().code != EADDRNOTAVAIL) {
            return removed;
        }
    }
    return {};
}

}  // namespace alp::wire
