// SPDX-License-Identifier: GPL-2.0
#include "proxy/classic/segments.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "proxy/classic/checksum.h"

namespace alp::proxy::classic {
namespace {

// 64 KiB in segments of 32 bytes: less than any TCP makes, and the most that one packet may cost.
constexpr std::size_t max_segments = 2048;
constexpr std::size_t tcp_flags_offset = 13;

const Error misfit{EINVAL, "offload request"};

template <typename T>
T load_be(std::span<const std::uint8_t> from, std::size_t offset) {
    T value{};
    std::memcpy(&value, from.data() + offset, sizeof(value));
    return value;
}

template <typename T>
void store(std::span<std::uint8_t> to, std::size_t offset, T value) {
    std::memcpy(to.data() + offset, &value, sizeof(value));
}

/// A UDP checksum that comes out as zero is sent as its other zero (RFC 768).
std::uint16_t complete(std::uint64_t sum, bool udp) {
    const auto checksum = static_cast<std::uint16_t>(~fold(sum));
    return udp && checksum == 0 ? std::uint16_t{0xffff} : checksum;
}

/// The pseudo header's sum is in the field already.
Result<void> complete_whole(const VnetHeader& wish, std::span<std::uint8_t> packet) {
    const std::size_t field = std::size_t{wish.csum_start} + wish.csum_offset;
    if (wish.csum_start >= packet.size() || field + 2 > packet.size()) {
        return misfit;
    }
    const std::uint64_t sum = add_words(0, packet.subspan(wish.csum_start));
    store(packet, field, complete(sum, wish.csum_offset == offsetof(udphdr, uh_sum)));
    return {};
}

/// A packet to be cut: its headers and how they change from piece to piece.
struct Cutter {
    std::span<std::uint8_t> packet;
    Transport transport;
    std::size_t header_bytes = 0;
    std::size_t segment_bytes = 0;  ///< payload of each piece but the last
    bool tcp = false;

    [[nodiscard]] std::size_t pieces() const {
        return (packet.size() - header_bytes + segment_bytes - 1) / segment_bytes;
    }

    void set_lengths(Segment& piece, std::size_t index) const {
        const std::span<std::uint8_t> header(piece.header.data(), piece.header_bytes);
        const auto whole = static_cast<std::uint16_t>(piece.header_bytes + piece.payload.size());
        if (header[0] >> 4 == 4) {
            const auto id = ntohs(load_be<std::uint16_t>(header, offsetof(iphdr, id)));
            store(header, offsetof(iphdr, tot_len), htons(whole));
            store(header, offsetof(iphdr, id), htons(static_cast<std::uint16_t>(id + index)));
        } else {
            store(header, 4, htons(static_cast<std::uint16_t>(whole - 40)));  // RFC 8200: without the fixed header
        }
        if (!tcp) {
            store(header, transport.offset + offsetof(udphdr, uh_ulen),
                  htons(static_cast<std::uint16_t>(whole - transport.offset)));
        }
    }

    /// CWR stands in the first piece alone, FIN and PSH in the last.
    void set_tcp(Segment& piece, std::size_t index) const {
        const std::span<std::uint8_t> header(piece.header.data(), piece.header_bytes);
        const std::size_t sequence = transport.offset + offsetof(tcphdr, seq);
        const auto first = ntohl(load_be<std::uint32_t>(header, sequence));
        store(header, sequence, htonl(static_cast<std::uint32_t>(first + index * segment_bytes)));
        std::uint8_t& flags = header[transport.offset + tcp_flags_offset];
        if (index != 0) {
            flags &= static_cast<std::uint8_t>(~0x80U);
        }
        if (index + 1 != pieces()) {
            flags &= static_cast<std::uint8_t>(~(TH_FIN | TH_PUSH));
        }
    }

    void set_checksum(Segment& piece) const {
        const std::span<std::uint8_t> header(piece.header.data(), piece.header_bytes);
        const std::size_t field = transport.offset + *checksum_offset(transport.protocol);
        store(header, field, std::uint16_t{0});
        std::uint64_t sum =
            pseudo_header(header, transport.protocol, piece.header_bytes + piece.payload.size() - transport.offset);
        sum = add_words(sum, header.subspan(transport.offset));  // of even length, TCP's and UDP's
        store(header, field, complete(add_words(sum, piece.payload), !tcp));
    }

    void cut_piece(Segment& piece, std::size_t index) const {
        const std::size_t begin = header_bytes + index * segment_bytes;
        piece.header_bytes = header_bytes;
        std::copy_n(packet.begin(), header_bytes, piece.header.begin());
        piece.payload = packet.subspan(begin, std::min(segment_bytes, packet.size() - begin));
        set_lengths(piece, index);
        if (tcp) {
            set_tcp(piece, index);
        }
        set_checksum(piece);
    }
};

Result<Cutter> cutter_for(const VnetHeader& wish, std::span<std::uint8_t> packet) {
    const std::uint8_t kind = wish.gso_type & static_cast<std::uint8_t>(~VnetHeader::gso_ecn);
    const auto transport = locate(packet);
    const std::uint8_t protocol = kind == VnetHeader::gso_udp_l4 ? IPPROTO_UDP : IPPROTO_TCP;
    const bool known =
        kind == VnetHeader::gso_tcp_v4 || kind == VnetHeader::gso_tcp_v6 || kind == VnetHeader::gso_udp_l4;
    if (!known || !transport || transport->protocol != protocol || transport->fragment || wish.gso_size == 0) {
        return misfit;
    }
    Cutter cutter{packet, *transport, 0, wish.gso_size, protocol == IPPROTO_TCP};
    const std::size_t smallest = cutter.tcp ? sizeof(tcphdr) : sizeof(udphdr);
    if (packet.size() < transport->offset + smallest) {
        return misfit;
    }
    const std::size_t length = cutter.tcp ? (packet[transport->offset + 12] >> 4) * std::size_t{4} : smallest;
    cutter.header_bytes = transport->offset + length;
    if (length < smallest || cutter.header_bytes > Segment::max_header_bytes || packet.size() <= cutter.header_bytes ||
        cutter.pieces() > max_segments) {
        return misfit;
    }
    return cutter;
}

}  // namespace

Result<void> cut(const VnetHeader& wish, std::span<std::uint8_t> packet, std::vector<Segment>& segments) {
    segments.clear();
    if (wish.gso_type != VnetHeader::gso_none) {
        const auto cutter = cutter_for(wish, packet);
        if (!cutter) {
            return cutter.error();
        }
        segments.resize(cutter.value().pieces());
        for (std::size_t i = 0; i < segments.size(); ++i) {
            cutter.value().cut_piece(segments[i], i);
        }
        return {};
    }
    if ((wish.flags & VnetHeader::needs_csum) != 0) {
        if (auto completed = complete_whole(wish, packet); !completed) {
            return completed;
        }
    }
    segments.resize(1);
    segments.front().header_bytes = 0;
    segments.front().payload = packet;
    return {};
}

}  // namespace alp::proxy::classic
