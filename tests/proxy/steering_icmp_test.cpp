// SPDX-License-Identifier: GPL-2.0
// Steering of ICMP and ICMPv6: errors go to the flow they quote, and only the end of a flow may send them.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "tests/proxy/steering_fixture.h"

namespace alp::test {
namespace {

class SteeringIcmp : public Steering {
protected:
    static Bytes error4(const std::string& from, const std::string& to, std::uint8_t type, std::uint8_t code,
                        const Bytes& quoted) {
        return ip_packet(from, to, IPPROTO_ICMP, icmp_error(type, code, quoted));
    }
    static Bytes error6(const std::string& from, const std::string& to, std::uint8_t type, std::uint8_t code,
                        const Bytes& quoted) {
        return ip_packet(from, to, IPPROTO_ICMPV6, icmp_error(type, code, quoted));
    }

    /// What the stack has sent, and what it has received.
    static Bytes sent4() { return udp_packet({local4, claimed}, {remote4, 9}, "x"); }
    static Bytes sent6() { return udp_packet({local6, claimed}, {remote6, 9}, "x"); }
    static Bytes received4() { return udp_packet({remote4, 9}, {local4, claimed}, "x"); }
    static Bytes received6() { return udp_packet({remote6, 9}, {local6, claimed}, "x"); }
};

Bytes cut(Bytes packet, std::size_t length) {
    packet.resize(length);
    return packet;
}

TEST_F(SteeringIcmp, EveryErrorGoesToTheFlowItQuotes) {
    for (const int type :
         {ICMP_DEST_UNREACH, ICMP_SOURCE_QUENCH, ICMP_REDIRECT, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB}) {
        SCOPED_TRACE(type);
        expect_to_stack_one(error4("10.79.0.9", local4, static_cast<std::uint8_t>(type), 0, sent4()));
    }
    for (const int type : {ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROB}) {
        SCOPED_TRACE(type);
        expect_to_stack_one(error6("fd79::9", local6, static_cast<std::uint8_t>(type), 0, sent6()));
    }
}

TEST_F(SteeringIcmp, WhatIsNoErrorIsTheHosts) {
    for (int type = 0; type < 256; ++type) {
        const auto wanted4 = type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
                             type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
        const auto wanted6 = type < 128;
        SCOPED_TRACE(type);
        EXPECT_EQ(receive(error4(remote4, local4, static_cast<std::uint8_t>(type), 0, sent4())),
                  wanted4 ? TC_ACT_REDIRECT : TC_ACT_UNSPEC);
        EXPECT_EQ(receive(error6(remote6, local6, static_cast<std::uint8_t>(type), 0, sent6())),
                  wanted6 ? TC_ACT_REDIRECT : TC_ACT_UNSPEC);
    }
}

TEST_F(SteeringIcmp, AnErrorWhoseQuoteIsCutBeforeThePortsIsTheHosts) {
    constexpr std::size_t ports4_end = 24;
    constexpr std::size_t ports6_end = 44;
    for (std::size_t length = 0; length < ports4_end; ++length) {
        SCOPED_TRACE(length);
        expect_to_host(error4(remote4, local4, ICMP_DEST_UNREACH, 1, cut(sent4(), length)));
        expect_dropped(error4(local4, remote4, ICMP_DEST_UNREACH, 3, cut(received4(), length)), ALPINE_DROP_NOT_OWNED);
    }
    expect_to_stack_one(error4(remote4, local4, ICMP_DEST_UNREACH, 1, cut(sent4(), ports4_end)));
    for (std::size_t length = 0; length < ports6_end; ++length) {
        SCOPED_TRACE(length);
        expect_to_host(error6(remote6, local6, ICMP6_DST_UNREACH, 0, cut(sent6(), length)));
    }
    expect_to_stack_one(error6(remote6, local6, ICMP6_DST_UNREACH, 0, cut(sent6(), ports6_end)));
}

TEST_F(SteeringIcmp, AnErrorCutBeforeItsIdIsMalformed) {
    const Bytes whole = error4(local4, remote4, ICMP_DEST_UNREACH, 3, received4());
    for (std::size_t length = 20; length < 26; ++length) {
        SCOPED_TRACE(length);
        expect_dropped(cut(whole, length), ALPINE_DROP_MALFORMED);
    }
}

TEST_F(SteeringIcmp, AnErrorThatQuotesALaterPieceOrAnotherErrorIsTheHosts) {
    expect_to_host(
        error4(remote4, local4, ICMP_TIME_EXCEEDED, 1, ip_packet(local4, remote4, IPPROTO_UDP, Bytes(32), 9, 4)));
    expect_to_host(
        error4(remote4, local4, ICMP_DEST_UNREACH, 1, error4(local4, remote4, ICMP_DEST_UNREACH, 3, received4())));
}

TEST_F(SteeringIcmp, AnErrorInPiecesIsTheHosts) {
    constexpr std::uint16_t more = 0x2000;
    const Bytes whole = icmp_error(ICMP_DEST_UNREACH, 1, sent4());
    expect_to_host(ip_packet(remote4, local4, IPPROTO_ICMP, cut(whole, 8), more, 21));
    expect_to_host(ip_packet(remote4, local4, IPPROTO_ICMP, Bytes(whole.begin() + 8, whole.end()), 1, 21));
}

TEST_F(SteeringIcmp, AnErrorThatQuotesOptionsOrExtensionsIsSteered) {
    Bytes quoted = sent4();
    quoted[0] = 0x4f;
    quoted.insert(quoted.begin() + 20, 40, 1);
    expect_to_stack_one(error4(remote4, local4, ICMP_DEST_UNREACH, 1, quoted));
    const Bytes extension = {IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0};
    expect_to_stack_one(error6(
        remote6, local6, ICMP6_DST_UNREACH, 0,
        ip_packet(local6, remote6, IPPROTO_DSTOPTS, extension + udp_datagram({local6, claimed}, {remote6, 9}, "x"))));
}

// An error goes to the sender of what it quotes.
TEST_F(SteeringIcmp, AnErrorToAnotherAddressThanItQuotesIsTheHosts) {
    add_address("10.79.0.7");
    expect_to_host(error4(remote4, "10.79.0.7", ICMP_DEST_UNREACH, 1, sent4()));
}

// A wildcard claim is one of this host's addresses, not of the port on every host in the world.
TEST_F(SteeringIcmp, AStackCannotSpeakForARemoteEndpoint) {
    claim(stack_two, IPPROTO_UDP, {"0.0.0.0", unclaimed});
    const Bytes others = udp_packet({local4, unclaimed}, {remote4, claimed}, "x");  // of stack two to a remote server
    expect_dropped(error4(local4, local4, ICMP_DEST_UNREACH, 3, others), ALPINE_DROP_NOT_OWNED);
    const Bytes hosts = udp_packet({local4, 9}, {remote4, claimed}, "x");
    expect_dropped(error4(local4, local4, ICMP_DEST_UNREACH, 3, hosts), ALPINE_DROP_NOT_OWNED);
    const Bytes local = udp_packet({local4, unclaimed}, {local4, claimed}, "x");  // to stack one itself: it may
    expect_sent(error4(local4, local4, ICMP_DEST_UNREACH, 3, local), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT_TO_STACK);
}

TEST_F(SteeringIcmp, AStackSendsNoErrorToAnyoneButTheSenderItQuotes) {
    expect_dropped(error4(local4, "10.79.0.3", ICMP_DEST_UNREACH, 3, received4()), ALPINE_DROP_NOT_OWNED);
}

// They would change how the peer reaches all of this host.
TEST_F(SteeringIcmp, AStackSendsNoErrorOfRouters) {
    expect_dropped(error4(local4, remote4, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, received4()), ALPINE_DROP_NOT_OWNED);
    expect_dropped(error4(local4, remote4, ICMP_REDIRECT, 1, received4()), ALPINE_DROP_NOT_OWNED);
    expect_dropped(error6(local6, remote6, ICMP6_PACKET_TOO_BIG, 0, received6()), ALPINE_DROP_NOT_OWNED);
    expect_sent(error6(local6, remote6, ICMP6_DST_UNREACH, 4, received6()), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
}

TEST_F(SteeringIcmp, AStackSendsNoEchoReplyAndNoNeighbourDiscovery) {
    claim(stack_one, IPPROTO_ICMP, {"0.0.0.0", claimed});
    claim(stack_one, IPPROTO_ICMPV6, {"::", claimed});
    const auto message = [](int type) {
        return Bytes{static_cast<std::uint8_t>(type), 0, 0, 0, claimed >> 8, claimed & 0xff, 0, 1};
    };
    expect_dropped(ip_packet(local4, remote4, IPPROTO_ICMP, message(ICMP_ECHOREPLY)), ALPINE_DROP_NOT_OWNED);
    expect_dropped(ip_packet(local6, remote6, IPPROTO_ICMPV6, message(ICMP6_ECHO_REPLY)), ALPINE_DROP_NOT_OWNED);
    for (int type = 130; type <= 137; ++type) {  // MLD, router and neighbour discovery
        expect_dropped(ip_packet(local6, remote6, IPPROTO_ICMPV6, message(type)), ALPINE_DROP_NOT_OWNED);
    }
    expect_sent(ip_packet(local4, remote4, IPPROTO_ICMP, message(ICMP_ECHO)), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
    expect_sent(ip_packet(local6, remote6, IPPROTO_ICMPV6, message(ICMP6_ECHO_REQUEST)), TC_ACT_REDIRECT,
                ALPINE_VERDICT_OUT);
}

}  // namespace
}  // namespace alp::test
