// SPDX-License-Identifier: GPL-2.0
// The Internet checksum (RFC 1071) and what of it a packet's headers say. All views are of whole IP packets that
// locate() has measured.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace alp::proxy::classic {

/// Where the transport header of a packet is, and which one. IPv6 packets with extension headers are not looked into.
struct Transport {
    std::size_t offset = 0;
    std::uint8_t protocol = 0;
    bool fragment = false;  ///< a piece of a datagram: no checksum can be seen to be right
};

/// nullopt: not a whole IP packet.
[[nodiscard]] std::optional<Transport> locate(std::span<const std::uint8_t> packet);

/// Adds up 16-bit words in network order; an odd byte at the end counts as if a zero followed.
[[nodiscard]] std::uint64_t add_words(std::uint64_t sum, std::span<const std::uint8_t> bytes);

/// Folded to 16 bits, in network byte order, not complemented.
[[nodiscard]] std::uint16_t fold(std::uint64_t sum);

/// The pseudo header's sum of a packet whose transport part (header and payload) is `len_bytes` long.
[[nodiscard]] std::uint64_t pseudo_header(std::span<const std::uint8_t> packet, std::uint8_t protocol,
                                          std::size_t len_bytes);

/// Where in the transport header the checksum is; nullopt for a protocol without one of this kind.
[[nodiscard]] std::optional<std::size_t> checksum_offset(std::uint8_t protocol);

enum class Checksum {
    unknown,  ///< not of a kind that can be judged here: the stack does it
    right,
    partial,  ///< the sender left the rest to its device: only the pseudo header's sum is there
    wrong,
};
[[nodiscard]] Checksum judge(std::span<const std::uint8_t> packet, const Transport& transport);

}  // namespace alp::proxy::classic
