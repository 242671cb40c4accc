// SPDX-License-Identifier: GPL-2.0
#include "wire/host_state.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace alp::wire {

namespace {

constexpr int kDumpAttempts = 5;
constexpr std::uint32_t kMsPerTick = 10; /* of USER_HZ */

/// The fixed header of a message, or null when the message is too short for it.
template <typename T>
const T* fixed_header(const nlmsghdr& message) {
    return message.nlmsg_len >= NLMSG_LENGTH(sizeof(T)) ? static_cast<const T*>(NLMSG_DATA(&message)) : nullptr;
}

/// Visits the attributes that follow a fixed header of type T.
template <typename T>
void attributes_after(const nlmsghdr& message, const std::function<void(const rtattr&)>& visit) {
    const auto* start = static_cast<const char*>(NLMSG_DATA(&message)) + NLMSG_ALIGN(sizeof(T));
    const std::size_t header_bytes = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(T)));
    if (message.nlmsg_len > header_bytes) {
        for_each_attribute(reinterpret_cast<const rtattr*>(start), message.nlmsg_len - header_bytes, visit);
    }
}

AddressBytes address_value(const rtattr& attribute) {
    AddressBytes bytes{};
    std::memcpy(bytes.data(), RTA_DATA(&attribute), std::min<std::size_t>(RTA_PAYLOAD(&attribute), bytes.size()));
    return bytes;
}

void read_metrics(const rtattr& attribute, RouteMetrics& metrics) {
    for_each_attribute(static_cast<const rtattr*>(RTA_DATA(&attribute)), RTA_PAYLOAD(&attribute),
                       [&](const rtattr& metric) {
                           // The congestion control is the one metric that is a name; the stack may not have it.
                           if (metric.rta_type <= RTAX_MAX && metric.rta_type != RTAX_CC_ALGO) {
                               metrics[metric.rta_type] = attribute_u32(metric);
                           }
                       });
}

/// Several next hops: the first stands for all. Which of them a packet takes is the host's choice when it leaves.
void read_first_nexthop(const rtattr& attribute, Route& route) {
    if (RTA_PAYLOAD(&attribute) < sizeof(rtnexthop)) {
        return;
    }
    const auto* hop = static_cast<const rtnexthop*>(RTA_DATA(&attribute));
    route.link = hop->rtnh_ifindex;
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > RTA_PAYLOAD(&attribute)) {
        return;
    }
    for_each_attribute(RTNH_DATA(hop), hop->rtnh_len - RTNH_LENGTH(0), [&](const rtattr& nested) {
        if (nested.rta_type == RTA_GATEWAY) {
            route.gateway = address_value(nested);
        }
    });
}

void read_route_attribute(const rtattr& attribute, Route& route, std::uint32_t& table) {
    switch (attribute.rta_type) {
        case RTA_TABLE:
            table = attribute_u32(attribute);
            break;
        case RTA_DST:
            route.dst = address_value(attribute);
            break;
        case RTA_OIF:
            route.link = static_cast<int>(attribute_u32(attribute));
            break;
        case RTA_GATEWAY:
            route.gateway = address_value(attribute);
            break;
        case RTA_PREFSRC:
            route.prefsrc = address_value(attribute);
            break;
        case RTA_PRIORITY:
            route.priority = attribute_u32(attribute);
            break;
        case RTA_METRICS:
            read_metrics(attribute, route.metrics);
            break;
        case RTA_MULTIPATH:
            read_first_nexthop(attribute, route);
            break;
        default:
            break;
    }
}

bool is_ip(std::uint8_t family) { return family == AF_INET || family == AF_INET6; }

}  // namespace

bool same_prefix(const AddressBytes& a, const AddressBytes& b, unsigned prefix_len) {
    const unsigned whole = std::min(prefix_len / 8, 16U);
    if (!std::equal(a.begin(), a.begin() + whole, b.begin())) {
        return false;
    }
    const unsigned rest = prefix_len % 8;
    return whole == 16 || rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

std::optional<Link> parse_link(const nlmsghdr& message) {
    const auto* header = fixed_header<ifinfomsg>(message);
    if (header == nullptr) {
        return std::nullopt;
    }
    Link link;
    link.index = header->ifi_index;
    link.flags = header->ifi_flags;
    attributes_after<ifinfomsg>(message, [&](const rtattr& attribute) {
        if (attribute.rta_type == IFLA_MTU) {
            link.mtu_bytes = attribute_u32(attribute);
        } else if (attribute.rta_type == IFLA_IFNAME) {
            const auto* name = static_cast<const char*>(RTA_DATA(&attribute));
            link.name.assign(name, ::strnlen(name, RTA_PAYLOAD(&attribute)));
        }
    });
    return link;
}

std::optional<Address> parse_address(const nlmsghdr& message) {
    const auto* header = fixed_header<ifaddrmsg>(message);
    if (header == nullptr || !is_ip(header->ifa_family)) {
        return std::nullopt;
    }
    Address address;
    address.family = header->ifa_family;
    address.prefix_len = header->ifa_prefixlen;
    address.scope = header->ifa_scope;
    address.flags = header->ifa_flags;
    address.link = static_cast<int>(header->ifa_index);
    std::optional<AddressBytes> local;  // absent for IPv6 unless the link is point-to-point
    std::optional<AddressBytes> prefix;
    attributes_after<ifaddrmsg>(message, [&](const rtattr& attribute) {
        if (attribute.rta_type == IFA_LOCAL) {
            local = address_value(attribute);
        } else if (attribute.rta_type == IFA_ADDRESS) {
            prefix = address_value(attribute);
        } else if (attribute.rta_type == IFA_FLAGS) {
            address.flags = attribute_u32(attribute);
        }
    });
    if (!local && !prefix) {
        return std::nullopt;
    }
    address.local = local ? *local : *prefix;
    if (local && prefix && *local != *prefix) {
        address.peer = prefix;
    }
    return address;
}

std::optional<Route> parse_route(const nlmsghdr& message) {
    const auto* header = fixed_header<rtmsg>(message);
    if (header == nullptr || !is_ip(header->rtm_family) || header->rtm_src_len != 0 ||
        (header->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) != 0) {
        return std::nullopt;
    }
    Route route;
    route.family = header->rtm_family;
    route.type = header->rtm_type;
    route.dst_len = header->rtm_dst_len;
    route.tos = header->rtm_tos;
    route.protocol = header->rtm_protocol;
    std::uint32_t table = header->rtm_table;
    attributes_after<rtmsg>(message, [&](const rtattr& attribute) { read_route_attribute(attribute, route, table); });
    if (table != RT_TABLE_MAIN) {
        return std::nullopt;
    }
    return route;
}

std::optional<PathMtu> parse_path_mtu(const nlmsghdr& message) {
    const auto* header = fixed_header<rtmsg>(message);
    if (header == nullptr || !is_ip(header->rtm_family) || (header->rtm_flags & RTM_F_CLONED) == 0) {
        return std::nullopt;
    }
    PathMtu path{header->rtm_family};
    RouteMetrics metrics{};
    attributes_after<rtmsg>(message, [&](const rtattr& attribute) {
        if (attribute.rta_type == RTA_DST) {
            path.dst = address_value(attribute);
        } else if (attribute.rta_type == RTA_METRICS) {
            read_metrics(attribute, metrics);
        } else if (attribute.rta_type == RTA_CACHEINFO && RTA_PAYLOAD(&attribute) >= sizeof(rta_cacheinfo)) {
            const auto ticks = static_cast<const rta_cacheinfo*>(RTA_DATA(&attribute))->rta_expires;
            path.expires_ms = ticks > 0 ? static_cast<std::uint32_t>(ticks) * kMsPerTick : 0;
        }
    });
    path.mtu_bytes = metrics[RTAX_MTU];
    return path.mtu_bytes != 0 ? std::optional(path) : std::nullopt;
}

namespace {

/// Dumps one table.
template <typename Header>
Result<void> dump(Channel& host, std::uint16_t type, std::uint8_t family,
                  const std::function<void(const nlmsghdr&)>& visit) {
    Message request(type, 0);
    // The first byte of each of these headers is the family.
    *reinterpret_cast<std::uint8_t*>(&request.header<Header>()) = family;
    return host.dump(request, visit);
}

template <typename Record>
void append(std::vector<Record>& records, std::optional<Record> record) {
    if (record) {
        records.push_back(std::move(*record));
    }
}

Result<HostState> read_once(Channel& host) {
    HostState state;
    auto got = dump<ifinfomsg>(host, RTM_GETLINK, AF_UNSPEC,
                               [&](const nlmsghdr& message) { append(state.links, parse_link(message)); });
    if (!got) {
        return got.error();
    }
    for (const std::uint8_t family : {AF_INET, AF_INET6}) {
        got = dump<ifaddrmsg>(host, RTM_GETADDR, family,
                              [&](const nlmsghdr& message) { append(state.addresses, parse_address(message)); });
        if (!got) {
            return got.error();
        }
        got = dump<rtmsg>(host, RTM_GETROUTE, family, [&](const nlmsghdr& message) {
            append(state.routes, parse_route(message));
            append(state.path_mtus, parse_path_mtu(message));
        });
        if (!got) {
            return got.error();
        }
    }
    return state;
}

}  // namespace

Result<HostState> read_host_state(Channel& host) {
    for (int attempt = 1;; ++attempt) {
        auto state = read_once(host);
        if (state.ok() || state.error().code != EAGAIN || attempt == kDumpAttempts) {
            return state;
        }
    }
}

}  // namespace alp::wire
