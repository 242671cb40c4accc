// SPDX-License-Identifier: GPL-2.0
// The steering programs one packet at a time (BPF_PROG_TEST_RUN): every verdict, and what is counted for it.
#include <algorithm>
#include <set>

#include "tests/proxy/steering_fixture.h"

namespace alp::test {
namespace {

TEST_F(Steering, AClaimedPortIsItsStacks) {
    expect_to_stack_one(udp_packet({remote4, 9}, {local4, claimed}, "x"));
    expect_to_stack_one(udp_packet({remote6, 9}, {local6, claimed}, "x"));
    expect_to_stack_one(tcp_segment({remote4, 9}, {local4, claimed}, 1));
    EXPECT_EQ(counted(ALPINE_VERDICT_TO_STACK), 3U);
}

TEST_F(Steering, AnotherPortIsTheHosts) {
    expect_to_host(udp_packet({remote4, 9}, {local4, unclaimed}, "x"));
    expect_to_host(udp_packet({remote6, 9}, {local6, unclaimed}, "x"));
}

TEST_F(Steering, TheSamePortOfAnotherTransportIsTheHosts) {
    expect_to_host(tcp_segment({remote6, 9}, {local6, claimed}, 1));
    expect_to_host(ip_packet(remote4, local4, IPPROTO_SCTP, Bytes{0, 9, claimed >> 8, claimed & 0xff, 0, 0, 0, 0}));
}

TEST_F(Steering, AForwardedPacketIsTheHosts) { expect_to_host(udp_packet({remote4, 9}, {"10.79.0.3", claimed}, "x")); }

TEST_F(Steering, AnExactAddressWinsOverTheWildcard) {
    claim(stack_two, IPPROTO_UDP, {local4, claimed});
    EXPECT_EQ(receive(udp_packet({remote4, 9}, {local4, claimed}, "x")), TC_ACT_REDIRECT);
    EXPECT_EQ(counters(stack_two).in_packets, 1U);
    expect_dropped(udp_packet({local4, claimed}, {remote4, 9}, "x"), ALPINE_DROP_NOT_OWNED);
}

TEST_F(Steering, ALoopbackAddressIsServedOnLoOnly) {
    const Bytes packet = udp_packet({"127.0.0.1", 9}, {"127.0.0.1", claimed}, "x");
    expect_to_stack_one(packet);
    EXPECT_EQ(verdict(programs->progs.host_ingress, packet, out), TC_ACT_UNSPEC);
}

TEST_F(Steering, Ipv4OptionsAreSkipped) {
    Bytes packet = udp_packet({remote4, 9}, {local4, claimed}, "x");
    packet[0] = 0x47;  // two words of options, all NOP
    packet.insert(packet.begin() + 20, 8, 1);
    expect_to_stack_one(packet);
}

TEST_F(Steering, Ipv6ExtensionHeadersAreSkipped) {
    const Bytes datagram = udp_datagram({remote6, 9}, {local6, claimed}, "x");
    const auto options = [](std::uint8_t next) { return Bytes{next, 0, 1, 4, 0, 0, 0, 0}; };
    expect_to_stack_one(
        ip_packet(remote6, local6, IPPROTO_HOPOPTS, options(IPPROTO_DSTOPTS) + options(IPPROTO_UDP) + datagram));
}

TEST_F(Steering, TooManyIpv6ExtensionHeadersAreTheHosts) {
    Bytes body = udp_datagram({remote6, 9}, {local6, claimed}, "x");
    std::uint8_t next = IPPROTO_UDP;
    for (int i = 0; i < 8; ++i) {
        body = Bytes{next, 0, 1, 4, 0, 0, 0, 0} + body;
        next = IPPROTO_DSTOPTS;
    }
    expect_to_host(ip_packet(remote6, local6, IPPROTO_DSTOPTS, body));
}

TEST_F(Steering, LaterFragmentsFollowTheFirst) {
    constexpr std::uint16_t more = 0x2000;
    const Bytes datagram = udp_datagram({remote4, 9}, {local4, claimed}, std::string(64, 'x'));
    const Bytes rest(64, 'y');
    expect_to_stack_one(ip_packet(remote4, local4, IPPROTO_UDP, datagram, more, 1));
    expect_to_stack_one(ip_packet(remote4, local4, IPPROTO_UDP, rest, 9, 1));
    expect_to_host(ip_packet(remote4, local4, IPPROTO_UDP, rest, 9, 2));
}

TEST_F(Steering, PiecesThatCameBeforeTheFirstComeWithIt) {
    constexpr std::uint16_t more = 0x2000;
    const Bytes datagram = udp_datagram({remote4, 9}, {local4, claimed}, std::string(64, 'x'));
    const auto before = counters(stack_one).in_packets;
    for (std::uint16_t place = 1; place <= 3; ++place) {
        const auto piece = static_cast<std::uint16_t>(place * 9U);
        expect_to_host(ip_packet(remote4, local4, IPPROTO_UDP, Bytes(72, 'y'), more | piece, 5));
    }
    expect_to_host(ip_packet(remote4, local4, IPPROTO_UDP, Bytes(72, 'y'), 9, 6));  // another datagram's
    EXPECT_EQ(counters(stack_one).in_packets, before);
    EXPECT_EQ(receive(ip_packet(remote4, local4, IPPROTO_UDP, datagram, more, 5)), TC_ACT_STOLEN);
    EXPECT_EQ(counters(stack_one).in_packets, before + 4);
}

TEST_F(Steering, PiecesAfterAFirstOneOfTheHostsAreTheHosts) {
    constexpr std::uint16_t more = 0x2000;
    const Bytes datagram = udp_datagram({remote4, 9}, {local4, unclaimed}, std::string(64, 'x'));
    expect_to_host(ip_packet(remote4, local4, IPPROTO_UDP, datagram, more, 4));
    expect_to_host(ip_packet(remote4, local4, IPPROTO_UDP, Bytes(64, 'y'), 9, 4));
    alpine_held_key held{};
    EXPECT_NE(bpf_map_get_next_key(bpf_map__fd(programs->maps.held_pieces), nullptr, &held), 0);
}

TEST_F(Steering, LaterIpv6FragmentsFollowTheFirst) {
    const Bytes datagram = udp_datagram({remote6, 9}, {local6, claimed}, std::string(64, 'x'));
    expect_to_stack_one(ip_packet(remote6, local6, IPPROTO_FRAGMENT, v6_fragment(IPPROTO_UDP, 0, true, datagram)));
    expect_to_stack_one(
        ip_packet(remote6, local6, IPPROTO_FRAGMENT, v6_fragment(IPPROTO_UDP, 72, false, Bytes(64, 'y'))));
}

TEST_F(Steering, AnIcmpErrorGoesToTheFlowItQuotes) {
    constexpr std::uint8_t unreachable = 3;
    constexpr std::uint8_t unreachable6 = 1;
    const auto quote = [](const std::string& from, const std::string& to, std::uint16_t port) {
        return udp_packet({from, port}, {to, 9}, "x");
    };
    expect_to_stack_one(
        ip_packet(remote4, local4, IPPROTO_ICMP, icmp_error(unreachable, 4, quote(local4, remote4, claimed))));
    expect_to_stack_one(
        ip_packet(remote6, local6, IPPROTO_ICMPV6, icmp_error(unreachable6, 4, quote(local6, remote6, claimed))));
    expect_to_host(
        ip_packet(remote4, local4, IPPROTO_ICMP, icmp_error(unreachable, 4, quote(local4, remote4, unclaimed))));
    expect_to_host(ip_packet(remote4, local4, IPPROTO_ICMP, icmp_error(unreachable, 4, {0x45, 0})));
}

TEST_F(Steering, AnEchoReplyGoesToTheIdThatAsked) {
    constexpr std::uint8_t echo_reply = 0;
    claim(stack_one, IPPROTO_ICMP, {"0.0.0.0", claimed});
    const Bytes reply = {echo_reply, 0, 0, 0, claimed >> 8, claimed & 0xff, 0, 1};
    const Bytes other = {echo_reply, 0, 0, 0, unclaimed >> 8, unclaimed & 0xff, 0, 1};
    const auto before = counters(stack_one).in_packets;
    EXPECT_EQ(receive(ip_packet(remote4, local4, IPPROTO_ICMP, reply)), TC_ACT_UNSPEC);  // and to the host
    EXPECT_EQ(counters(stack_one).in_packets, before + 1);
    EXPECT_EQ(counted(ALPINE_VERDICT_TO_SEVERAL), 1U);
    expect_to_host(ip_packet(remote4, local4, IPPROTO_ICMP, other));
}

TEST_F(Steering, ASharedEndpointIsSpreadEvenly) {
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_one, true}, {stack_two, true}});
    for (std::uint16_t port = 1; port <= 1000; ++port) {
        EXPECT_EQ(receive(tcp_segment({remote4, port}, {local4, claimed}, 1)), TC_ACT_REDIRECT);
    }
    EXPECT_NEAR(static_cast<double>(counters(stack_one).in_packets), 500, 60);
    EXPECT_EQ(counters(stack_one).in_packets + counters(stack_two).in_packets, 1000U);
}

TEST_F(Steering, AMemberThatLeavesTakesNoOthersFlowsAlong) {
    constexpr std::uint16_t flows = 300;
    const auto owned_by_one = [&] {
        std::set<std::uint16_t> owned;
        for (std::uint16_t port = 1; port <= flows; ++port) {
            const auto before = counters(stack_one).in_packets;
            receive(tcp_segment({remote4, port}, {local4, claimed}, 1));
            if (counters(stack_one).in_packets != before) {
                owned.insert(port);
            }
        }
        return owned;
    };
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_one, true}, {out, true}, {stack_two, true}});
    const auto among_three = owned_by_one();
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_two, true}, {stack_one, true}});
    const auto among_two = owned_by_one();
    EXPECT_TRUE(std::ranges::includes(among_two, among_three));
    EXPECT_GT(among_two.size(), among_three.size());
    EXPECT_LT(among_two.size(), flows);
}

TEST_F(Steering, AFlowStaysWithTheMemberThatHasSentOnIt) {
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_one, true}});
    for (std::uint16_t port = 1; port <= 50; ++port) {
        send(tcp_segment({local4, claimed}, {remote4, port}, 1));
    }
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_one, false}, {stack_two, true}});
    for (std::uint16_t port = 1; port <= 50; ++port) {
        receive(tcp_segment({remote4, port}, {local4, claimed}, 1));
    }
    EXPECT_EQ(counters(stack_one).in_packets, 50U);
    receive(tcp_segment({remote4, 51}, {local4, claimed}, 1));
    EXPECT_EQ(counters(stack_two).in_packets, 1U);
}

TEST_F(Steering, OnlyMembersSendFromASharedEndpoint) {
    share(IPPROTO_UDP, {"0.0.0.0", claimed}, {{out, true}, {stack_two, true}});
    expect_dropped(udp_packet({local4, claimed}, {remote4, 9}, "x"), ALPINE_DROP_NOT_OWNED);
}

TEST_F(Steering, AProtocolWithoutPortsIsClaimedAsAWhole) {
    expect_to_host(ip_packet(remote4, local4, 253, Bytes(8)));
    claim(stack_one, 253, {"0.0.0.0", 0});
    expect_to_stack_one(ip_packet(remote4, local4, 253, Bytes(8)));
    expect_sent(ip_packet(local4, remote4, 253, Bytes(8)), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
    expect_to_host(ip_packet(remote4, local4, 254, Bytes(8)));
    expect_to_host(ip_packet(remote6, local6, 253, Bytes(8)));
}

TEST_F(Steering, WhatIsForAGroupGoesToAllStacksAndTheHost) {
    claim(stack_two, IPPROTO_UDP, {"239.1.1.1", claimed});
    EXPECT_EQ(receive_by_group(udp_packet({remote4, 9}, {"239.1.1.1", claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(counters(stack_one).in_packets, 1U);
    EXPECT_EQ(counters(stack_two).in_packets, 1U);
    EXPECT_EQ(receive_by_group(udp_packet({remote6, 9}, {"ff05::1", claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(counters(stack_one).in_packets, 2U);
    EXPECT_EQ(counted(ALPINE_VERDICT_TO_SEVERAL), 2U);
    EXPECT_EQ(receive_by_group(udp_packet({remote4, 9}, {"239.1.1.1", unclaimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(counted(ALPINE_VERDICT_TO_HOST), 1U);
}

TEST_F(Steering, AStackWithTwoClaimsOnAGroupGetsOneCopy) {
    claim(stack_one, IPPROTO_UDP, {"239.1.1.1", claimed});
    receive_by_group(udp_packet({remote4, 9}, {"239.1.1.1", claimed}, "x"));
    EXPECT_EQ(counters(stack_one).in_packets, 1U);
}

TEST_F(Steering, ABroadcastGoesToAllMembersAndTheHost) {
    add_broadcast("10.79.0.255");
    share(IPPROTO_UDP, {"0.0.0.0", claimed}, {{stack_one, true}, {stack_two, false}});
    EXPECT_EQ(receive_by_group(udp_packet({remote4, 9}, {"10.79.0.255", claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(receive_by_group(udp_packet({remote4, 9}, {"255.255.255.255", claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(counters(stack_one).in_packets, 2U);
    EXPECT_EQ(counters(stack_two).in_packets, 2U);
}

TEST_F(Steering, ABroadcastAddressIsNoSource) {
    add_broadcast("10.79.0.255");
    expect_dropped(udp_packet({"10.79.0.255", claimed}, {remote4, 9}, "x"), ALPINE_DROP_SOURCE_ADDRESS);
}

TEST_F(Steering, WhatAStackSendsToAGroupLeavesAndIsCopiedToOtherStacks) {
    share(IPPROTO_UDP, {"0.0.0.0", claimed}, {{stack_one, true}, {stack_two, true}});
    expect_sent(udp_packet({local4, claimed}, {"239.1.1.1", claimed}, "x"), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
    EXPECT_EQ(counters(stack_two).in_packets, 1U);
    EXPECT_EQ(counters(stack_one).in_packets, 0U);
    expect_sent(udp_packet({local6, claimed}, {"ff05::1", 9}, "x"), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
}

TEST_F(Steering, APacketForAnotherLinkAddressIsTheHosts) {
    const Bytes packet = udp_packet({remote4, 9}, {local4, claimed}, "x");
    // The device has a link address of its own, the frame is for 00:00:00:00:00:00.
    EXPECT_EQ(verdict(programs->progs.host_ingress, packet, out), TC_ACT_UNSPEC);
}

TEST_F(Steering, ATruncatedPacketIsTheHosts) {
    Bytes packet = udp_packet({remote4, 9}, {local4, claimed}, "x");
    packet.resize(22);
    expect_to_host(packet);
}

TEST_F(Steering, WhatIsOwnedIsSent) {
    expect_sent(udp_packet({local4, claimed}, {remote4, 9}, "x"), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
    expect_sent(udp_packet({local6, claimed}, {remote6, 9}, "x"), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
    EXPECT_EQ(counters(stack_one).out_packets, 2U);
}

TEST_F(Steering, ALocalDestinationIsTheHosts) {
    expect_sent(udp_packet({local4, claimed}, {local4, 9}, "x"), TC_ACT_OK, ALPINE_VERDICT_OUT_TO_HOST);
    expect_sent(udp_packet({local6, claimed}, {local6, 9}, "x"), TC_ACT_OK, ALPINE_VERDICT_OUT_TO_HOST);
    expect_sent(udp_packet({"127.0.0.1", claimed}, {"127.0.0.1", 9}, "x"), TC_ACT_OK, ALPINE_VERDICT_OUT_TO_HOST);
}

TEST_F(Steering, Ipv6LoopbackGoesByLo) {
    expect_sent(udp_packet({"::1", claimed}, {"::1", 9}, "x"), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT_TO_HOST);
}

TEST_F(Steering, AnotherStacksPortIsReachedDirectly) {
    claim(stack_two, IPPROTO_UDP, {"0.0.0.0", unclaimed});
    expect_sent(udp_packet({local4, claimed}, {local4, unclaimed}, "x"), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT_TO_STACK);
    EXPECT_EQ(counters(stack_two).in_packets, 1U);
}

TEST_F(Steering, AForeignSourceAddressIsDropped) {
    expect_dropped(udp_packet({remote4, claimed}, {"10.79.0.3", 9}, "x"), ALPINE_DROP_SOURCE_ADDRESS);
    expect_dropped(udp_packet({remote6, claimed}, {"fd79::3", 9}, "x"), ALPINE_DROP_SOURCE_ADDRESS);
}

TEST_F(Steering, ALoopbackSourceToARemoteDestinationIsDropped) {
    expect_dropped(udp_packet({"127.0.0.1", claimed}, {remote4, 9}, "x"), ALPINE_DROP_SOURCE_ADDRESS);
}

TEST_F(Steering, AnUnclaimedSourcePortIsDropped) {
    expect_dropped(udp_packet({local4, unclaimed}, {remote4, 9}, "x"), ALPINE_DROP_NOT_OWNED);
    expect_dropped(ip_packet(local4, remote4, IPPROTO_GRE, Bytes(8)), ALPINE_DROP_NOT_OWNED);
}

TEST_F(Steering, ALaterFragmentWithoutItsFirstIsDropped) {
    expect_dropped(ip_packet(local4, remote4, IPPROTO_UDP, Bytes(64), 9, 3), ALPINE_DROP_NOT_OWNED);
}

TEST_F(Steering, AnIcmpErrorIsSentOnlyAboutWhatWasReceived) {
    constexpr std::uint8_t unreachable = 3;
    const auto about = [](std::uint16_t port) {
        return icmp_error(unreachable, 3, udp_packet({remote4, 9}, {local4, port}, "x"));
    };
    expect_sent(ip_packet(local4, remote4, IPPROTO_ICMP, about(claimed)), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
    expect_dropped(ip_packet(local4, remote4, IPPROTO_ICMP, about(unclaimed)), ALPINE_DROP_NOT_OWNED);
}

TEST_F(Steering, ADestinationWithoutRouteIsDropped) {
    expect_dropped(udp_packet({local4, claimed}, {"192.0.2.1", 9}, "x"), ALPINE_DROP_NO_ROUTE);
    expect_dropped(udp_packet({local6, claimed}, {"2001:db8::1", 9}, "x"), ALPINE_DROP_NO_ROUTE);
}

TEST_F(Steering, ATruncatedPacketOfAStackIsDropped) {
    Bytes packet = udp_packet({local4, claimed}, {remote4, 9}, "x");
    packet.resize(22);
    expect_dropped(packet, ALPINE_DROP_MALFORMED);
}

TEST_F(Steering, OnlySteeredPacketsPassToAStack) {
    const Bytes packet = udp_packet({remote4, 9}, {local4, claimed}, "x");
    EXPECT_EQ(verdict(programs->progs.tun_egress, packet, stack_one, ALPINE_STEERED_MARK), TC_ACT_OK);
    EXPECT_EQ(verdict(programs->progs.tun_egress, packet, stack_one), TC_ACT_SHOT);
    EXPECT_EQ(counters(stack_one).drops[ALPINE_DROP_NOT_STEERED], 1U);
}

}  // namespace
}  // namespace alp::test
