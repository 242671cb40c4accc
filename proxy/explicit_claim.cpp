// SPDX-License-Identifier: GPL-2.0
#include "proxy/explicit_claim.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstdio>
#include <random>

#include "proxy/bound_socket.h"
#include "proxy/client/names.h"
#include "proxy/privileged/sysctl.h"

namespace alp::proxy {
namespace {

std::uint16_t first_unprivileged() {
    unsigned first = 1024;
    if (const auto text = read_sysctl("net/ipv4/ip_unprivileged_port_start"); text) {
        std::sscanf(text.value().c_str(), "%u", &first);
    }
    return static_cast<std::uint16_t>(first);
}

/// From a random start, so that ports cannot be foretold (RFC 6056, algorithm 1).
Result<alpine_endpoint> pick_port(alpine_endpoint endpoint, unsigned ifindex, const ClaimTable& claims) {
    static std::minstd_rand random{std::random_device{}()};
    const PortRange range = ephemeral_range();
    const unsigned ports = range.last - range.first + 1U;
    const auto start = random() % ports;
    for (unsigned i = 0; i < ports; ++i) {
        endpoint.key.port_be = htons(static_cast<std::uint16_t>(range.first + (start + i) % ports));
        if (!claims.collides(ifindex, endpoint)) {
            return endpoint;
        }
    }
    return Error{EADDRINUSE, "no ephemeral port is free"};
}

bool is_icmp(std::uint8_t protocol) { return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6; }

Result<alpine_endpoint> unless_taken(const alpine_endpoint& endpoint, unsigned ifindex, const ClaimTable& claims) {
    if (claims.collides(ifindex, endpoint)) {
        return Error{EADDRINUSE, describe(endpoint) + " is claimed by another stack"};
    }
    return endpoint;
}

/// The id of an echo request. Which one is not a user's to choose: it might be that of somebody's ping, whose answers
/// he would hear. Whom the host lets choose (net.ipv4.ping_group_range) has a bound socket for it.
Result<alpine_endpoint> admit_echo(alpine_endpoint endpoint, unsigned ifindex, uid_t uid, const ClaimTable& claims) {
    if (endpoint.key.port_be != 0 && uid != 0) {
        return Error{EPERM, "an id of echo requests is given out, not chosen: choose with a bound ICMP socket"};
    }
    endpoint.key.pad = 0;
    endpoint.flags = 0;
    return endpoint.key.port_be == 0 ? pick_port(endpoint, ifindex, claims) : unless_taken(endpoint, ifindex, claims);
}

/// A protocol without ports: all of it, on all addresses of a family.
Result<alpine_endpoint> admit_protocol(alpine_endpoint endpoint, unsigned ifindex, uid_t uid, const Policy& policy,
                                       const ClaimTable& claims) {
    const std::uint8_t protocol = endpoint.key.protocol;
    if (has_ports(protocol)) {
        return Error{EPROTONOSUPPORT, protocol_name(protocol) + " cannot be claimed without a socket"};
    }
    if (!is_wildcard(endpoint.key) || endpoint.key.port_be != 0) {
        return Error{EINVAL, protocol_name(protocol) + " has no ports: it is claimed as a whole"};
    }
    if (!policy.allows_protocol(uid, protocol)) {
        return Error{EPERM, fmt::format("alpined's policy does not grant {} to user {}: name it under [protocols]",
                                        protocol_name(protocol), uid)};
    }
    endpoint.key.pad = 0;
    endpoint.flags = 0;
    return unless_taken(endpoint, ifindex, claims);
}

}  // namespace

PortRange ephemeral_range() {
    PortRange range;
    if (const auto text = read_sysctl("net/ipv4/ip_local_port_range"); text) {
        std::sscanf(text.value().c_str(), "%hu %hu", &range.first, &range.last);
    }
    return range;
}

Result<alpine_endpoint> admit_explicit(const alpine_endpoint& wanted, unsigned ifindex, uid_t uid, const Policy& policy,
                                       const ClaimTable& claims) {
    const std::uint8_t protocol = wanted.key.protocol;
    if (is_icmp(protocol)) {
        return admit_echo(wanted, ifindex, uid, claims);
    }
    if (protocol != IPPROTO_SCTP && protocol != IPPROTO_DCCP) {
        return admit_protocol(wanted, ifindex, uid, policy, claims);
    }
    if (host_has_transport(protocol)) {
        return Error{EOPNOTSUPP, "the host's kernel has " + protocol_name(protocol) + ": send a bound socket"};
    }
    alpine_endpoint endpoint = wanted;
    if (endpoint.key.port_be == 0) {
        return pick_port(endpoint, ifindex, claims);
    }
    if (!policy.allows_port(uid, ntohs(endpoint.key.port_be), first_unprivileged())) {
        return Error{EACCES, describe(endpoint) + " is a privileged port"};
    }
    return unless_taken(endpoint, ifindex, claims);
}

}  // namespace alp::proxy
