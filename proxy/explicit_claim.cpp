// SPDX-License-Identifier: GPL-2.0
#include "proxy/explicit_claim.h"

#include <arpa/inet.h>
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

/// The id of an echo request. Which one is not the client's to choose: it might be that of somebody's ping.
Result<alpine_endpoint> admit_echo(alpine_endpoint endpoint, unsigned ifindex, const ClaimTable& claims) {
    if (endpoint.key.port_be != 0) {
        return Error{EPERM, "an id of echo requests is given out, not chosen"};
    }
    endpoint.key.pad = 0;
    endpoint.flags = 0;
    return pick_port(endpoint, ifindex, claims);
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
        return admit_echo(wanted, ifindex, claims);
    }
    if (protocol != IPPROTO_SCTP && protocol != IPPROTO_DCCP) {
        return Error{EPROTONOSUPPORT, protocol_name(protocol) + " cannot be claimed without a socket"};
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
    if (claims.collides(ifindex, endpoint)) {
        return Error{EADDRINUSE, describe(endpoint) + " is claimed by another stack"};
    }
    return endpoint;
}

}  // namespace alp::proxy
