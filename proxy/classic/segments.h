// SPDX-License-Identifier: GPL-2.0
// What a network device does for the stack's packets on their way out, done here: checksums are completed, and what is
// larger than a segment is cut (virtio_net_hdr: VIRTIO 1.2, section 5.1.6).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace alp::proxy::classic {

/// struct virtio_net_hdr, 10 bytes in the machine's byte order (<linux/virtio_net.h> is no C++).
struct VnetHeader {
    static constexpr std::uint8_t needs_csum = 1;  ///< flags: complete the checksum from csum_start on
    static constexpr std::uint8_t data_valid = 2;  ///< flags: the checksum has been checked
    static constexpr std::uint8_t gso_none = 0;
    static constexpr std::uint8_t gso_tcp_v4 = 1;
    static constexpr std::uint8_t gso_tcp_v6 = 4;
    static constexpr std::uint8_t gso_udp_l4 = 5;
    static constexpr std::uint8_t gso_ecn = 0x80;  ///< a bit beside the others

    std::uint8_t flags = 0;
    std::uint8_t gso_type = gso_none;
    std::uint16_t hdr_len = 0;
    std::uint16_t gso_size = 0;
    std::uint16_t csum_start = 0;
    std::uint16_t csum_offset = 0;
};
static_assert(sizeof(VnetHeader) == 10);

/// One IP packet as it goes out: `header`, then `payload`, a view into the packet it was cut from.
struct Segment {
    static constexpr std::size_t max_header_bytes = 256;

    std::array<std::uint8_t, max_header_bytes> header;
    std::size_t header_bytes = 0;
    std::span<const std::uint8_t> payload;
};

/// Completes and cuts `packet`, which is changed, into `segments`, whose former content goes. A packet that asks for
/// nothing is one segment as it is. EINVAL: the header of the packet and `wish` do not fit together, or it would become
/// more than 2048 pieces.
Result<void> cut(const VnetHeader& wish, std::span<std::uint8_t> packet, std::vector<Segment>& segments);

}  // namespace alp::proxy::classic
