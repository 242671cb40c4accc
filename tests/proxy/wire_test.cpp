// SPDX-License-Identifier: GPL-2.0
// Packets of a stack end to end: out of its TUN, over the host's steering, to whoever they are for, and back.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/proxy/stack_client.h"
#include "tests/proxy/with_testbed.h"

namespace alp::test {
namespace {

class Wire : public WithTestbed {
protected:
    void SetUp() override {
        WithTestbed::SetUp();
        if (IsSkipped()) {
            return;
        }
        stack = std::make_unique<StackClient>(testbed->a());
    }
    void TearDown() override { stack.reset(); }

    static UniqueFd socket_on(const Namespace& host, const Point& point) {
        const Inside inside(host);
        return bound_socket(point);
    }

    /// A datagram from the stack to `server` and one back, to an endpoint claimed at `claimed`.
    void talk(const UniqueFd& server, const std::string& server_address, const std::string& claimed,
              const std::string& source) {
        const std::uint16_t port = stack->claim({claimed, 0});
        stack->send(udp_packet({source, port}, {server_address, port_of(server.get())}, "ask"));
        const auto asked = receive_datagram(server.get());
        ASSERT_TRUE(asked.has_value());
        EXPECT_EQ(asked->payload, "ask");
        EXPECT_EQ(asked->from.address, source);
        EXPECT_EQ(asked->from.port, port);

        send_datagram(server.get(), asked->from, "answer");
        const auto answer = stack->receive();
        ASSERT_TRUE(answer.has_value());
        EXPECT_EQ(answer->payload, "answer");
        EXPECT_EQ(answer->source, server_address);
        EXPECT_EQ(answer->destination_port, port);
    }

    void talk_to(const Namespace& host, const std::string& server_address, const std::string& claimed,
                 const std::string& source) {
        talk(socket_on(host, {server_address, 0}), server_address, claimed, source);
    }

    /// The stack sends `packet` and nothing arrives at `server`; the drop is counted for this reason.
    void expect_drop(const Bytes& packet, const UniqueFd& server, alpine_drop reason) {
        const auto before = stack->counters().drops[reason];
        stack->send(packet);
        EXPECT_FALSE(receive_datagram(server.get(), 50).has_value());
        EXPECT_EQ(stack->counters().drops[reason], before + 1);
    }

    std::unique_ptr<StackClient> stack;
};

TEST_F(Wire, Ipv4ReachesARemoteHostAndComesBack) { talk_to(testbed->b(), address_b4, "0.0.0.0", address_a4); }

TEST_F(Wire, Ipv6ReachesARemoteHostAndComesBack) { talk_to(testbed->b(), address_b6, "::", address_a6); }

TEST_F(Wire, AnExactAddressCanBeClaimed) { talk_to(testbed->b(), address_b4, address_a4, address_a4); }

TEST_F(Wire, ADualStackClaimServesIpv4) { talk_to(testbed->b(), address_b4, "::", address_a4); }

TEST_F(Wire, AHostProgramOnThisHostIsReached) { talk_to(testbed->a(), address_a4, "0.0.0.0", address_a4); }

TEST_F(Wire, AHostProgramOnThisHostIsReachedByIpv6) { talk_to(testbed->a(), address_a6, "::", address_a6); }

TEST_F(Wire, AHostProgramIsReachedByIpv4Loopback) { talk_to(testbed->a(), "127.0.0.1", "0.0.0.0", "127.0.0.1"); }

TEST_F(Wire, AHostProgramIsReachedByIpv6Loopback) { talk_to(testbed->a(), "::1", "::", "::1"); }

TEST_F(Wire, AnotherStackOnThisHostIsReached) {
    StackClient other(testbed->a());
    const auto port = stack->claim({"0.0.0.0", 0});
    const auto other_port = other.claim({"0.0.0.0", 0});
    stack->send(udp_packet({address_a4, port}, {address_a4, other_port}, "between"));
    const auto seen = other.receive();
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->payload, "between");
    EXPECT_EQ(seen->source_port, port);
}

TEST_F(Wire, AForgedSourceAddressIsDroppedAndCounted) {
    const UniqueFd server = socket_on(testbed->b(), {address_b4, 0});
    const auto port = stack->claim({"0.0.0.0", 0});
    expect_drop(udp_packet({"10.79.0.9", port}, {address_b4, port_of(server.get())}, "forged"), server,
                ALPINE_DROP_SOURCE_ADDRESS);
}

TEST_F(Wire, AForgedIpv6SourceAddressIsDroppedAndCounted) {
    const UniqueFd server = socket_on(testbed->b(), {address_b6, 0});
    const auto port = stack->claim({"::", 0});
    expect_drop(udp_packet({"fd79::9", port}, {address_b6, port_of(server.get())}, "forged"), server,
                ALPINE_DROP_SOURCE_ADDRESS);
}

TEST_F(Wire, AnUnclaimedSourcePortIsDroppedAndCounted) {
    const UniqueFd server = socket_on(testbed->b(), {address_b4, 0});
    expect_drop(udp_packet({address_a4, 5000}, {address_b4, port_of(server.get())}, "unclaimed"), server,
                ALPINE_DROP_NOT_OWNED);
}

TEST_F(Wire, ThePortOfAnotherStackIsDroppedAndCounted) {
    const UniqueFd server = socket_on(testbed->b(), {address_b4, 0});
    StackClient other(testbed->a());
    const auto port = other.claim({"0.0.0.0", 0});
    expect_drop(udp_packet({address_a4, port}, {address_b4, port_of(server.get())}, "stolen"), server,
                ALPINE_DROP_NOT_OWNED);
}

TEST_F(Wire, APacketTruncatedInItsHeaderIsDroppedAndCounted) {
    const UniqueFd server = socket_on(testbed->b(), {address_b4, 0});
    expect_drop({0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17}, server, ALPINE_DROP_MALFORMED);
}

TEST_F(Wire, ADestinationWithoutRouteIsDroppedAndCounted) {
    const UniqueFd server = socket_on(testbed->b(), {address_b4, 0});
    const auto port = stack->claim({"0.0.0.0", 0});
    expect_drop(udp_packet({address_a4, port}, {"192.0.2.1", 9}, "lost"), server, ALPINE_DROP_NO_ROUTE);
}

TEST_F(Wire, ALoopbackSourceNeverLeavesTheHost) {
    const UniqueFd server = socket_on(testbed->b(), {address_b4, 0});
    const auto port = stack->claim({"0.0.0.0", 0});
    expect_drop(udp_packet({"127.0.0.1", port}, {address_b4, port_of(server.get())}, "martian"), server,
                ALPINE_DROP_SOURCE_ADDRESS);
}

TEST_F(Wire, FragmentsOfAStackArriveWhole) {
    const UniqueFd server = socket_on(testbed->b(), {address_b4, 0});
    const Point to{address_b4, port_of(server.get())};
    const Point from{address_a4, stack->claim({"0.0.0.0", 0})};
    const std::string payload(2000, 'f');
    const Bytes datagram = udp_datagram(from, to, payload);
    constexpr std::size_t cut = 1480;
    constexpr std::uint16_t more_fragments = 0x2000;
    stack->send(
        ip_packet(from.address, to.address, IPPROTO_UDP, {datagram.begin(), datagram.begin() + cut}, more_fragments));
    stack->send(ip_packet(from.address, to.address, IPPROTO_UDP, {datagram.begin() + cut, datagram.end()}, cut / 8));
    const auto got = receive_datagram(server.get());
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->payload, payload);
}

TEST_F(Wire, Ipv6FragmentsOfAStackArriveWhole) {
    const UniqueFd server = socket_on(testbed->b(), {address_b6, 0});
    const Point to{address_b6, port_of(server.get())};
    const Point from{address_a6, stack->claim({"::", 0})};
    const std::string payload(2000, 'f');
    const Bytes datagram = udp_datagram(from, to, payload);
    constexpr std::size_t cut = 1400;
    const Bytes first = v6_fragment(IPPROTO_UDP, 0, true, {datagram.begin(), datagram.begin() + cut});
    const Bytes last = v6_fragment(IPPROTO_UDP, cut, false, {datagram.begin() + cut, datagram.end()});
    stack->send(ip_packet(from.address, to.address, IPPROTO_FRAGMENT, first));
    stack->send(ip_packet(from.address, to.address, IPPROTO_FRAGMENT, last));
    const auto got = receive_datagram(server.get());
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->payload, payload);
}

TEST_F(Wire, AllFragmentsOfADatagramReachTheStack) {
    const UniqueFd peer = socket_on(testbed->b(), {address_b4, 0});
    const auto port = stack->claim({"0.0.0.0", 0});
    send_datagram(peer.get(), {address_a4, port}, std::string(4000, 'f'));
    for (int piece = 0; piece < 3; ++piece) {
        EXPECT_TRUE(stack->receive().has_value()) << "piece " << piece;
    }
}

TEST_F(Wire, AnIcmpErrorReachesTheSenderOfWhatItQuotes) {
    const auto port = stack->claim({"0.0.0.0", 0});
    stack->send(udp_packet({address_a4, port}, {address_b4, 9}, "nobody there"));
    const auto seen = stack->receive();
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->protocol, IPPROTO_ICMP);
    EXPECT_EQ(seen->source, address_b4);
}

TEST_F(Wire, AnIcmpV6ErrorReachesTheSenderOfWhatItQuotes) {
    const auto port = stack->claim({"::", 0});
    stack->send(udp_packet({address_a6, port}, {address_b6, 9}, "nobody there"));
    const auto seen = stack->receive();
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->protocol, IPPROTO_ICMPV6);
}

TEST_F(Wire, ALargeSegmentationRequestLeavesAsManyPackets) {
    const auto port = stack->claim({"0.0.0.0", 0}, SOCK_STREAM);
    constexpr std::size_t length = 60'000;
    constexpr std::uint16_t segment = 1448;
    stack->send_segmented(tcp_segment({address_a4, port}, {address_b4, 9}, length), 40, segment);
    EXPECT_TRUE(within_a_second([&] { return stack->counters().out_packets == (length + segment - 1) / segment; }));
    EXPECT_GE(stack->counters().out_bytes, length);
    // b has nobody on port 9: its reset is steered back, which shows that the segments arrived.
    const auto reset = stack->receive();
    ASSERT_TRUE(reset.has_value());
    EXPECT_EQ(reset->protocol, IPPROTO_TCP);
}

TEST_F(Wire, WhatTheHostSaysOfItselfDoesNotReachTheStack) { EXPECT_FALSE(stack->receive(1500).has_value()); }

TEST_F(Wire, OtherPortsStayWithTheHost) {
    const auto port = stack->claim({"0.0.0.0", 0});
    const UniqueFd host_socket = socket_on(testbed->a(), {"0.0.0.0", 0});
    const UniqueFd peer = socket_on(testbed->b(), {address_b4, 0});
    ASSERT_NE(port, port_of(host_socket.get()));
    send_datagram(peer.get(), {address_a4, port_of(host_socket.get())}, "for the host");
    EXPECT_TRUE(receive_datagram(host_socket.get()).has_value());
    EXPECT_FALSE(stack->receive(20).has_value());
}

}  // namespace
}  // namespace alp::test
