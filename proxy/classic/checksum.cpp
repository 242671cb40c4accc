// SPDX-License-Identifier: GPL-2.0
#include "proxy/classic/checksum.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <cstring>

namespace alp::proxy::classic {
namespace {

constexpr std::uint16_t v4_fragment_bits = 0x3fff; /* more fragments, and the offset */

bool is_v6(std::span<const std::uint8_t> packet) { return packet[0] >> 4 == 6; }

std::uint16_t word_at(std::span<const std::uint8_t> packet, std::size_t offset) {
    std::uint16_t word = 0;
    std::memcpy(&word, packet.data() + offset, sizeof(word));
    return word;
}

std::optional<Transport> locate_v4(std::span<const std::uint8_t> packet) {
    const std::size_t header = (packet[0] & 0xfU) * 4U;
    if (header < sizeof(iphdr) || packet.size() < header) {
        return std::nullopt;
    }
    const bool fragment = (ntohs(word_at(packet, offsetof(iphdr, frag_off))) & v4_fragment_bits) != 0;
    return Transport{header, packet[offsetof(iphdr, protocol)], fragment};
}

}  // namespace

std::optional<Transport> locate(std::span<const std::uint8_t> packet) {
    if (packet.size() >= sizeof(ip6_hdr) && is_v6(packet)) {
        const std::uint8_t next = packet[6];
        return Transport{sizeof(ip6_hdr), next, next == IPPROTO_FRAGMENT};
    }
    return packet.size() >= sizeof(iphdr) && packet[0] >> 4 == 4 ? locate_v4(packet) : std::nullopt;
}

// Four bytes at a time: the sum of 32-bit words folds to the same 16 bits (RFC 1071, section 2).
std::uint64_t add_words(std::uint64_t sum, std::span<const std::uint8_t> bytes) {
    std::size_t at = 0;
    for (; at + 4 <= bytes.size(); at += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof(word));
        sum += word;
    }
    if (at < bytes.size()) {
        std::uint32_t rest = 0;
        std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
        sum += rest;
    }
    return sum;
}

std::uint16_t fold(std::uint64_t sum) {
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(sum);
}

std::uint64_t pseudo_header(std::span<const std::uint8_t> packet, std::uint8_t protocol, std::size_t len_bytes) {
    const auto addresses = is_v6(packet) ? packet.subspan(offsetof(ip6_hdr, ip6_src), 2 * sizeof(in6_addr))
                                         : packet.subspan(offsetof(iphdr, saddr), 2 * sizeof(in_addr));
    return add_words(std::uint64_t{htons(protocol)} + htonl(static_cast<std::uint32_t>(len_bytes)), addresses);
}

std::optional<std::size_t> checksum_offset(std::uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return 16;
        case IPPROTO_UDP:
            return 6;
        default:
            return std::nullopt;
    }
}

Checksum judge(std::span<const std::uint8_t> packet, const Transport& transport) {
    constexpr std::size_t sctp_checksum = 8;
    const auto body = packet.subspan(transport.offset);
    if (transport.fragment) {
        return Checksum::unknown;
    }
    // Nor does a host's SCTP compute what the device behind lo or veth would: no CRC32c comes out as zero by chance.
    if (transport.protocol == IPPROTO_SCTP && body.size() >= sctp_checksum + 4) {
        return add_words(0, body.subspan(sctp_checksum, 4)) == 0 ? Checksum::right : Checksum::unknown;
    }
    const auto offset = checksum_offset(transport.protocol);
    if (!offset || body.size() < *offset + 2) {
        return Checksum::unknown;
    }
    const std::uint16_t there = word_at(body, *offset);
    const std::uint64_t pseudo = pseudo_header(packet, transport.protocol, body.size());
    if (there == 0 && transport.protocol == IPPROTO_UDP) {
        return Checksum::unknown;  // none was sent
    }
    if (fold(add_words(pseudo, body)) == 0xffff) {
        return Checksum::right;
    }
    return there == fold(pseudo) ? Checksum::partial : Checksum::wrong;
}

}  // namespace alp::proxy::classic
