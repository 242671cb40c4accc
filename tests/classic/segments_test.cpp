// SPDX-License-Identifier: GPL-2.0
// What is cut into segments adds up to what it was, and every piece stands by itself.
#include "proxy/classic/segments.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include "proxy/classic/checksum.h"
#include "tests/proxy/packets.h"

namespace alp::test {
namespace {

using proxy::classic::Checksum;
using proxy::classic::cut;
using proxy::classic::judge;
using proxy::classic::locate;
using proxy::classic::Segment;
using proxy::classic::VnetHeader;

const Point v4_source{"10.79.0.1", 1000};
const Point v4_destination{"10.79.0.2", 2000};
const Point v6_source{"fd79::1", 1000};
const Point v6_destination{"fd79::2", 2000};
constexpr std::size_t flags_offset = 13;

VnetHeader segmentation(std::uint8_t kind, std::uint16_t transport, std::uint16_t size) {
    return {VnetHeader::needs_csum, kind, 0, size, transport, 16};
}

Bytes whole(const Segment& segment) {
    Bytes bytes(segment.header.begin(), segment.header.begin() + static_cast<std::ptrdiff_t>(segment.header_bytes));
    bytes.insert(bytes.end(), segment.payload.begin(), segment.payload.end());
    return bytes;
}

std::uint32_t be(const Bytes& bytes, std::size_t offset, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
        value = value << 8 | bytes[offset + i];
    }
    return value;
}

/// Payload that differs everywhere, so that pieces out of place are seen.
void fill(Bytes& packet, std::size_t from) {
    for (std::size_t i = from; i < packet.size(); ++i) {
        packet[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
    }
}

void expect_cut(Bytes packet, const VnetHeader& wish, std::size_t transport) {
    const std::size_t headers = transport + 20;
    fill(packet, headers);
    packet[transport + flags_offset] = TH_FIN | TH_PUSH | TH_ACK | 0x80;
    const Bytes before = packet;
    const std::uint32_t sequence = be(before, transport + 4, 4);
    std::vector<Segment> segments;
    ASSERT_TRUE(cut(wish, packet, segments).ok());
    ASSERT_EQ(segments.size(), (before.size() - headers + wish.gso_size - 1) / wish.gso_size);
    Bytes joined;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const Bytes piece = whole(segments[i]);
        const bool v6 = piece[0] >> 4 == 6;
        EXPECT_EQ(judge(piece, *locate(piece)), Checksum::right) << i;
        EXPECT_EQ(be(piece, v6 ? 4 : 2, 2), piece.size() - (v6 ? 40 : 0));
        EXPECT_EQ(be(piece, transport + 4, 4), sequence + joined.size());
        const std::uint8_t flags = piece[transport + flags_offset];
        EXPECT_EQ((flags & (TH_FIN | TH_PUSH)) != 0, i + 1 == segments.size());
        EXPECT_EQ((flags & 0x80) != 0, i == 0);
        if (!v6) {
            EXPECT_EQ(be(piece, 4, 2), be(before, 4, 2) + i);
        }
        joined.insert(joined.end(), piece.begin() + static_cast<std::ptrdiff_t>(headers), piece.end());
    }
    EXPECT_EQ(joined, Bytes(before.begin() + static_cast<std::ptrdiff_t>(headers), before.end()));
}

TEST(Segments, AnIpv4TcpPacketIsCut) {
    expect_cut(tcp_segment(v4_source, v4_destination, 60'001), segmentation(VnetHeader::gso_tcp_v4, 20, 1447), 20);
}

TEST(Segments, AnIpv6TcpPacketIsCut) {
    expect_cut(tcp_segment(v6_source, v6_destination, 60'001), segmentation(VnetHeader::gso_tcp_v6, 40, 1428), 40);
}

TEST(Segments, AUdpBatchIsCutIntoDatagrams) {
    Bytes packet = udp_packet(v4_source, v4_destination, std::string(2500, 'x'));
    std::vector<Segment> segments;
    ASSERT_TRUE(cut({VnetHeader::needs_csum, VnetHeader::gso_udp_l4, 0, 1000, 20, 6}, packet, segments).ok());
    ASSERT_EQ(segments.size(), 3U);
    for (const Segment& segment : segments) {
        const Bytes piece = whole(segment);
        EXPECT_EQ(judge(piece, *locate(piece)), Checksum::right);
        EXPECT_EQ(be(piece, 24, 2), piece.size() - 20);
    }
    EXPECT_EQ(segments.back().payload.size(), 500U);
}

TEST(Segments, AChecksumLeftToTheDeviceIsCompleted) {
    Bytes packet = tcp_segment(v4_source, v4_destination, 101);
    std::vector<Segment> segments;
    ASSERT_TRUE(cut({VnetHeader::needs_csum, 0, 0, 0, 20, 16}, packet, segments).ok());
    ASSERT_EQ(segments.size(), 1U);
    EXPECT_EQ(judge(packet, *locate(packet)), Checksum::right);
}

TEST(Segments, APacketThatAsksForNothingStaysAsItIs) {
    Bytes packet = udp_packet(v4_source, v4_destination, "as it is");
    const Bytes before = packet;
    std::vector<Segment> segments;
    ASSERT_TRUE(cut({}, packet, segments).ok());
    EXPECT_EQ(whole(segments.front()), before);
}

TEST(Segments, RequestsThatDoNotFitThePacketAreRefused) {
    const Bytes tcp = tcp_segment(v4_source, v4_destination, 3000);
    const Bytes udp = udp_packet(v4_source, v4_destination, std::string(3000, 'x'));
    const std::vector<std::pair<Bytes, VnetHeader>> misfits = {
        {tcp, {VnetHeader::needs_csum, 0, 0, 0, 20, 3020}},                                      // beyond the end
        {tcp, {VnetHeader::needs_csum, 0, 0, 0, 65535, 65535}},                                  //
        {tcp, segmentation(VnetHeader::gso_tcp_v4, 20, 0)},                                      // no size
        {tcp, segmentation(VnetHeader::gso_tcp_v4, 20, 1)},                                      // too many pieces
        {tcp, segmentation(77, 20, 1000)},                                                       // no such kind
        {udp, segmentation(VnetHeader::gso_tcp_v4, 20, 1000)},                                   // another transport
        {Bytes(tcp.begin(), tcp.begin() + 40), segmentation(VnetHeader::gso_tcp_v4, 20, 1000)},  // no payload
        {Bytes(tcp.begin(), tcp.begin() + 30), segmentation(VnetHeader::gso_tcp_v4, 20, 1000)},  // half a header
    };
    for (const auto& [packet, wish] : misfits) {
        Bytes copy = packet;
        std::vector<Segment> segments;
        EXPECT_FALSE(cut(wish, copy, segments).ok()) << int{wish.gso_type} << " " << wish.gso_size;
    }
}

}  // namespace
}  // namespace alp::test
