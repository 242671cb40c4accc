// SPDX-License-Identifier: GPL-2.0
// Endpoints of abi/proxy.h: building them, comparing them, and showing them to people.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "abi/proxy.h"

namespace alp::proxy {

/// ::ffff:a.b.c.d of an IPv4 address.
[[nodiscard]] in6_addr v4_mapped(in_addr address);

/// The wildcard addresses as flow keys have them: :: and ::ffff:0.0.0.0.
[[nodiscard]] bool is_wildcard(const alpine_flow_key& key);

[[nodiscard]] alpine_flow_key make_key(std::uint8_t protocol, const in6_addr& address, std::uint16_t port_be);

/// Is the transport's endpoint an address and a port? ICMP's is none: what is claimed of it is an echo id.
[[nodiscard]] bool has_ports(std::uint8_t protocol);

/// The second key a dual-stack wildcard endpoint owns.
[[nodiscard]] alpine_flow_key v4_wildcard_of(const alpine_flow_key& key);

/// Flow keys are ordered and equal as bytes.
struct KeyLess {
    bool operator()(const alpine_flow_key& a, const alpine_flow_key& b) const {
        return std::memcmp(&a, &b, sizeof(a)) < 0;
    }
};

struct AddressLess {
    bool operator()(const in6_addr& a, const in6_addr& b) const { return std::memcmp(&a, &b, sizeof(a)) < 0; }
};

/// "tcp 10.77.0.1:80", "udp [::]:53", "udp *:53" for a dual-stack wildcard.
[[nodiscard]] std::string describe(const alpine_endpoint& endpoint);

}  // namespace alp::proxy
