// SPDX-License-Identifier: GPL-2.0
// A second reading of RFC 791, RFC 792, RFC 4443 and RFC 8200, which shares no line with bpf/packet.h: what steering
// must find in a packet. It copies headers out by offset from a span and keeps every step in a list.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace alp::fuzz {

using Span = std::span<const std::uint8_t>;
using Address = std::array<std::uint8_t, 16>;  // v4-mapped for IPv4

enum class Piece { whole, first, later };

struct Reading {
    bool v6 = false;
    Address source{};
    Address destination{};
    std::uint8_t protocol = 0;
    std::size_t transport = 0;  ///< where the transport header is, from the start of the packet
    Piece piece = Piece::whole;
    std::uint32_t fragment_id = 0;       ///< 0 for an IPv6 packet without a fragment header
    std::uint16_t source_port = 0;       ///< or the id of an echo request
    std::uint16_t destination_port = 0;  ///< or that of an echo reply
    std::optional<std::uint8_t> icmp_type;
    std::uint8_t icmp_code = 0;

    /// Does it quote a packet, and is it of those that only routers send?
    [[nodiscard]] bool is_error() const;
    [[nodiscard]] bool is_routers_error() const;
};

/// Nothing: the packet is malformed, or cut off in front of what steering needs of it.
std::optional<Reading> read_packet(Span packet, bool v6);

}  // namespace alp::fuzz
