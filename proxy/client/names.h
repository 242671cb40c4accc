// SPDX-License-Identifier: GPL-2.0
// What people call the numbers of abi/steering.h and abi/proxy.h: in `alp ps`, `alp doctor` and alpined's log.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <string>

#include "abi/proxy.h"

namespace alp::proxy {

inline constexpr std::array<const char*, ALPINE_DROP_REASONS> drop_names = {
    "malformed", "source-address", "not-owned", "no-route", "no-memory", "not-steered",
};

inline constexpr std::array<const char*, ALPINE_VERDICTS> verdict_names = {
    "to-host", "to-stack", "out", "out-to-host", "out-to-stack", "dropped", "to-several",
};

/// "steer", "classic".
inline const char* wire_name(alpine_wire wire) {
    switch (wire) {
        case ALPINE_WIRE_STEER:
            return "steer";
        case ALPINE_WIRE_CLASSIC:
            return "classic";
        default:
            return "no such";
    }
}

/// To somebody who wants a wire that alpined does not offer.
inline std::string refuse_wire(alpine_wire wire) {
    const std::string name = wire_name(wire);
    return "this host's alpined does not offer the " + name + " wire: restart it with 'sudo alpined --wire " + name +
           "'";
}

/// "tcp"; "protocol 99" for one without a name here. For people, so from any thread that may allocate.
inline std::string protocol_name(std::uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "tcp";
        case IPPROTO_UDP:
            return "udp";
        case IPPROTO_UDPLITE:
            return "udplite";
        case IPPROTO_SCTP:
            return "sctp";
        case IPPROTO_DCCP:
            return "dccp";
        case IPPROTO_ICMP:
            return "icmp";
        case IPPROTO_ICMPV6:
            return "icmpv6";
        default:
            return "protocol " + std::to_string(protocol);
    }
}

}  // namespace alp::proxy
