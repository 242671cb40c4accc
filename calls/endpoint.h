// SPDX-License-Identifier: GPL-2.0
// Endpoints: what steering goes by, {protocol, local address, port}, as abi/proxy.h has it.
#pragma once

#include <netinet/in.h>
#include <string.h>

#include <cstdint>

#include "abi/proxy.h"

namespace alp::calls {

/// A sockaddr as alpined writes it: v4-mapped.
inline alpine_endpoint endpoint_of(int protocol, const sockaddr_storage& address) {
    alpine_endpoint endpoint{};
    endpoint.key.protocol = static_cast<std::uint8_t>(protocol);
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        endpoint.key.addr[10] = endpoint.key.addr[11] = 0xff;
        memcpy(endpoint.key.addr + 12, &v4.sin_addr, 4);
        endpoint.key.port_be = v4.sin_port;
    } else {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        memcpy(endpoint.key.addr, &v6.sin6_addr, 16);
        endpoint.key.port_be = v6.sin6_port;
    }
    return endpoint;
}

/// An endpoint of IPv4?
inline bool is_v4(const alpine_endpoint& endpoint) {
    static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(endpoint.key.addr, kMapped, sizeof(kMapped)) == 0;
}

/// On all addresses of its family?
inline bool is_wildcard(const alpine_endpoint& endpoint) {
    static constexpr std::uint8_t kZero[16] = {};
    return is_v4(endpoint) ? memcmp(endpoint.key.addr + 12, kZero, 4) == 0
                           : memcmp(endpoint.key.addr, kZero, sizeof(kZero)) == 0;
}

}  // namespace alp::calls
