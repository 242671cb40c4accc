// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/reset.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "base/unique_fd.h"

namespace alp::proxy {

namespace {

constexpr std::uint8_t kHops = 64;

bool is_v4(const std::uint8_t* address) {
    in6_addr mapped;
    std::memcpy(&mapped, address, sizeof(mapped));
    return IN6_IS_ADDR_V4MAPPED(&mapped);
}

std::uint32_t v4_be(const std::uint8_t* address) {
    std::uint32_t value = 0;
    std::memcpy(&value, address + 12, sizeof(value));
    return value;
}

/// Adds up 16-bit words (RFC 1071); `len_bytes` is even.
std::uint32_t sum_of(const void* data, std::size_t len_bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < len_bytes; i += 2) {
        std::uint16_t word = 0;
        std::memcpy(&word, static_cast<const char*>(data) + i, sizeof(word));
        sum += word;
    }
    return sum;
}

std::uint16_t fold(std::uint32_t sum) {
    while ((sum >> 16) != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(~sum);
}

tcphdr question(const alpine_connection_key& connection) {
    tcphdr tcp{};
    tcp.source = connection.local_port_be;
    tcp.dest = connection.peer_port_be;
    std::uint32_t sequence = 0;
    (void)getrandom(&sequence, sizeof(sequence), GRND_NONBLOCK);
    tcp.seq = sequence;
    tcp.doff = sizeof(tcp) / 4;
    tcp.ack = 1;
    // The pseudo header's addresses add up alike as 4 or 16 bytes, but for the ffff of a mapped one.
    const std::size_t skip = is_v4(connection.local_addr) ? 12 : 0;
    std::uint32_t sum = sum_of(connection.local_addr + skip, sizeof(connection.local_addr) - skip) +
                        sum_of(connection.peer_addr + skip, sizeof(connection.peer_addr) - skip) + htons(IPPROTO_TCP) +
                        htons(sizeof(tcp)) + sum_of(&tcp, sizeof(tcp));
    tcp.check = fold(sum);
    return tcp;
}

void ask_v4(const UniqueFd& raw, const alpine_connection_key& connection) {
    struct {
        iphdr ip;
        tcphdr tcp;
    } packet{};
    packet.ip.version = 4;
    packet.ip.ihl = sizeof(packet.ip) / 4;
    packet.ip.tot_len = htons(sizeof(packet));
    packet.ip.ttl = kHops;
    packet.ip.protocol = IPPROTO_TCP;
    packet.ip.saddr = v4_be(connection.local_addr);
    packet.ip.daddr = v4_be(connection.peer_addr);
    packet.tcp = question(connection);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = packet.ip.daddr;
    (void)sendto(raw.get(), &packet, sizeof(packet), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
}

void ask_v6(const UniqueFd& raw, const alpine_connection_key& connection) {
    struct {
        ip6_hdr ip;
        tcphdr tcp;
    } packet{};
    packet.ip.ip6_vfc = 6 << 4;
    packet.ip.ip6_plen = htons(sizeof(packet.tcp));
    packet.ip.ip6_nxt = IPPROTO_TCP;
    packet.ip.ip6_hlim = kHops;
    std::memcpy(&packet.ip.ip6_src, connection.local_addr, sizeof(packet.ip.ip6_src));
    std::memcpy(&packet.ip.ip6_dst, connection.peer_addr, sizeof(packet.ip.ip6_dst));
    packet.tcp = question(connection);
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_addr = packet.ip.ip6_dst;
    (void)sendto(raw.get(), &packet, sizeof(packet), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
}

}  // namespace

void provoke_resets(const std::vector<alpine_connection_key>& connections) {
    if (connections.empty()) {
        return;
    }
    // IPPROTO_RAW: the header is ours (raw(7)).
    const UniqueFd v4(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    const UniqueFd v6(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    for (const auto& connection : connections) {
        if (is_v4(connection.local_addr)) {
            ask_v4(v4, connection);
        } else {
            ask_v6(v6, connection);
        }
    }
}

}  // namespace alp::proxy
