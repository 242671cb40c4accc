// SPDX-License-Identifier: GPL-2.0
#include "proxy/endpoint.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <array>

#include "proxy/client/names.h"

namespace alp::proxy {

in6_addr v4_mapped(in_addr address) {
    in6_addr mapped{};
    mapped.s6_addr[10] = 0xff;
    mapped.s6_addr[11] = 0xff;
    std::memcpy(&mapped.s6_addr[12], &address, sizeof(address));
    return mapped;
}

alpine_flow_key make_key(std::uint8_t protocol, const in6_addr& address, std::uint16_t port_be) {
    alpine_flow_key key{};
    std::memcpy(key.addr, &address, sizeof(key.addr));
    key.protocol = protocol;
    key.port_be = port_be;
    return key;
}

bool is_wildcard(const alpine_flow_key& key) {
    const in6_addr v4_any = v4_mapped(in_addr{INADDR_ANY});
    return std::memcmp(key.addr, &in6addr_any, sizeof(key.addr)) == 0 ||
           std::memcmp(key.addr, &v4_any, sizeof(key.addr)) == 0;
}

bool has_ports(std::uint8_t protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
           protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

alpine_flow_key v4_wildcard_of(const alpine_flow_key& key) {
    return make_key(key.protocol, v4_mapped(in_addr{INADDR_ANY}), key.port_be);
}

std::string describe(const alpine_endpoint& endpoint) {
    const alpine_flow_key& key = endpoint.key;
    in6_addr address{};
    std::memcpy(&address, key.addr, sizeof(address));
    const bool v4 = IN6_IS_ADDR_V4MAPPED(&address) != 0;
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? key.addr + 12 : key.addr, text.data(), text.size());

    const std::string name = protocol_name(key.protocol);
    const unsigned port = ntohs(key.port_be);
    if ((endpoint.flags & ALPINE_ENDPOINT_DUAL) != 0) {
        return fmt::format("{} *:{}", name, port);
    }
    return v4 ? fmt::format("{} {}:{}", name, text.data(), port) : fmt::format("{} [{}]:{}", name, text.data(), port);
}

}  // namespace alp::proxy
