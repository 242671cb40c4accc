// SPDX-License-Identifier: GPL-2.0
// Whether a packet's checksum is right, left to a device, or wrong.
#include "proxy/classic/checksum.h"

#include <gtest/gtest.h>

#include "tests/proxy/packets.h"

namespace alp::test {
namespace {

using proxy::classic::Checksum;
using proxy::classic::judge;
using proxy::classic::locate;

const Point v4_source{"10.79.0.1", 1000};
const Point v4_destination{"10.79.0.2", 2000};
const Point v6_source{"fd79::1", 1000};
const Point v6_destination{"fd79::2", 2000};

Checksum judged(const Bytes& packet) {
    const auto transport = locate(packet);
    return transport ? judge(packet, *transport) : Checksum::unknown;
}

TEST(Checksum, AWholeOneIsRight) {
    EXPECT_EQ(judged(udp_packet(v4_source, v4_destination, "even")), Checksum::right);
    EXPECT_EQ(judged(udp_packet(v4_source, v4_destination, "odd")), Checksum::right);
    EXPECT_EQ(judged(udp_packet(v6_source, v6_destination, "odd")), Checksum::right);
}

TEST(Checksum, OneChangedByteMakesItWrong) {
    Bytes packet = udp_packet(v4_source, v4_destination, "payload");
    packet.back() ^= 1U;
    EXPECT_EQ(judged(packet), Checksum::wrong);
    packet = udp_packet(v6_source, v6_destination, "payload");
    packet[8] ^= 1U;  // of the source address
    EXPECT_EQ(judged(packet), Checksum::wrong);
}

TEST(Checksum, OneLeftToTheDeviceIsPartial) {
    EXPECT_EQ(judged(tcp_segment(v4_source, v4_destination, 100)), Checksum::partial);
    EXPECT_EQ(judged(tcp_segment(v6_source, v6_destination, 3001)), Checksum::partial);
}

TEST(Checksum, AUdpDatagramMayHaveNone) {
    Bytes packet = udp_packet(v4_source, v4_destination, "payload");
    packet[26] = packet[27] = 0;
    EXPECT_EQ(judged(packet), Checksum::unknown);
}

TEST(Checksum, PiecesOfDatagramsAreNotJudged) {
    constexpr std::uint16_t more_fragments = 0x2000;
    EXPECT_EQ(judged(ip_packet("10.79.0.1", "10.79.0.2", 17, Bytes(100), more_fragments)), Checksum::unknown);
}

TEST(Checksum, WhatIsNoWholePacketHasNoTransport) {
    EXPECT_FALSE(locate({}));
    EXPECT_FALSE(locate(Bytes{0x45, 0, 0}));
    EXPECT_FALSE(locate(Bytes(19, 0x45)));
    EXPECT_FALSE(locate(Bytes(39, 0x60)));
    EXPECT_FALSE(locate(Bytes(40, 0x70)));
    EXPECT_FALSE(locate(Bytes(20, 0x4f)));  // 60 bytes of header
}

}  // namespace
}  // namespace alp::test
