// SPDX-License-Identifier: GPL-2.0
// The steering programs one packet at a time (BPF_PROG_TEST_RUN): every verdict, and what is counted for it.
#include "abi/steering.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "bpf/alpine_steering.skel.h"
#include "proxy/endpoint.h"
#include "tests/proxy/packets.h"
#include "tests/proxy/testbed.h"

namespace alp::test {
namespace {

const std::string local4 = "10.79.0.1";
const std::string remote4 = "10.79.0.2";
const std::string local6 = "fd79::1";
const std::string remote6 = "fd79::2";
constexpr std::uint16_t claimed = 4000;
constexpr std::uint16_t unclaimed = 4001;

/// A namespace with two devices that stand for TUNs, a way out, and the programs loaded; stack one has claimed port
/// `claimed` at the wildcard addresses.
class Steering : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
        space_ = std::make_unique<Namespace>("alpt-proxy-" + std::to_string(getpid()) + "-s");
        inside_ = std::make_unique<Inside>(*space_);
        make_devices();
        programs = alpine_steering__open_and_load();
        ASSERT_NE(programs, nullptr);
        for (const unsigned ifindex : {stack_one, stack_two}) {
            const std::vector<alpine_wire_counters> zeroes(cpus());
            bpf_map_update_elem(bpf_map__fd(programs->maps.wire_counters), &ifindex, zeroes.data(), BPF_ANY);
        }
        add_address(local4);
        add_address(local6);
        claim(stack_one, IPPROTO_UDP, {"0.0.0.0", claimed});
        claim(stack_one, IPPROTO_UDP, {"::", claimed});
        claim(stack_one, IPPROTO_TCP, {"0.0.0.0", claimed});
    }

    void TearDown() override {
        if (programs != nullptr) {
            alpine_steering__destroy(programs);
        }
        inside_.reset();
        space_.reset();
    }

    void make_devices() {
        for (const char* device : {"one", "two", "out"}) {
            run(fmt::format("ip link add {0} type veth peer name {0}-far", device));
            run(fmt::format("ip link set {0} up && ip link set {0}-far up", device));
        }
        run("ip link set lo up && ip addr add 10.79.0.1/24 dev out && ip addr add fd79::1/64 dev out nodad");
        run("sysctl -qw net.ipv4.conf.one.forwarding=1 net.ipv6.conf.one.forwarding=1");
        stack_one = if_nametoindex("one");
        stack_two = if_nametoindex("two");
        out = if_nametoindex("out");
    }

    static std::size_t cpus() { return static_cast<std::size_t>(libbpf_num_possible_cpus()); }

    void add_address(const std::string& address) {
        const in6_addr key = mapped_address(address);
        const alpine_address_use use{out, 0};
        bpf_map_update_elem(bpf_map__fd(programs->maps.local_addresses), &key, &use, BPF_ANY);
    }

    void add_broadcast(const std::string& address) {
        const in6_addr key = mapped_address(address);
        const alpine_address_use use{out, 1};
        bpf_map_update_elem(bpf_map__fd(programs->maps.local_addresses), &key, &use, BPF_ANY);
    }

    void share(std::uint8_t protocol, const Point& point, const std::vector<alpine_share_member>& members) {
        const auto key = proxy::make_key(protocol, mapped_address(point.address), htons(point.port));
        alpine_share shared{};
        shared.count = static_cast<__u32>(members.size());
        std::ranges::copy(members, shared.members);
        bpf_map_update_elem(bpf_map__fd(programs->maps.shares), &key, &shared, BPF_ANY);
        claim(ALPINE_SHARED_FLOW, protocol, point);
    }

    void claim(unsigned ifindex, std::uint8_t protocol, const Point& point) {
        const auto key = proxy::make_key(protocol, mapped_address(point.address), htons(point.port));
        const alpine_flow_owner owner{ifindex};
        bpf_map_update_elem(bpf_map__fd(programs->maps.flows), &key, &owner, BPF_ANY);
    }

    /// What a program answers to a packet on the device `ifindex`.
    static int verdict(const bpf_program* program, const Bytes& ip, unsigned ifindex, unsigned mark = 0,
                       std::uint8_t link_destination = 0) {
        Bytes frame = ethernet(ip);
        frame[0] = link_destination;  // 1: to a group of Ethernet's
        __sk_buff context{};
        context.ifindex = ifindex;
        context.ingress_ifindex = ifindex;
        context.mark = mark;
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = frame.data();
        options.data_size_in = static_cast<__u32>(frame.size());
        options.ctx_in = &context;
        options.ctx_size_in = sizeof(context);
        options.repeat = 1;
        EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd(program), &options), 0) << strerror(errno);
        return static_cast<int>(options.retval);
    }

    /// A packet that comes in on `ifindex`: from lo, as its zero link address is only lo's own.
    int receive(const Bytes& ip) { return verdict(programs->progs.host_ingress, ip, 1); }
    int receive_by_group(const Bytes& ip) { return verdict(programs->progs.host_ingress, ip, out, 0, 1); }
    int send(const Bytes& ip) { return verdict(programs->progs.tun_ingress, ip, stack_one); }

    alpine_wire_counters counters(unsigned ifindex) {
        std::vector<alpine_wire_counters> per_cpu(cpus());
        bpf_map_lookup_elem(bpf_map__fd(programs->maps.wire_counters), &ifindex, per_cpu.data());
        alpine_wire_counters sum{};
        for (const auto& one : per_cpu) {
            sum.in_packets += one.in_packets;
            sum.out_packets += one.out_packets;
            for (int reason = 0; reason < ALPINE_DROP_REASONS; ++reason) {
                sum.drops[reason] += one.drops[reason];
            }
        }
        return sum;
    }

    std::uint64_t counted(std::uint32_t verdict) {
        std::vector<std::uint64_t> per_cpu(cpus());
        bpf_map_lookup_elem(bpf_map__fd(programs->maps.verdicts), &verdict, per_cpu.data());
        std::uint64_t sum = 0;
        for (const auto count : per_cpu) {
            sum += count;
        }
        return sum;
    }

    void expect_to_stack_one(const Bytes& ip) {
        const auto before = counters(stack_one).in_packets;
        EXPECT_EQ(receive(ip), TC_ACT_REDIRECT);
        EXPECT_EQ(counters(stack_one).in_packets, before + 1);
    }

    void expect_to_host(const Bytes& ip) {
        const auto before = counted(ALPINE_VERDICT_TO_HOST);
        EXPECT_EQ(receive(ip), TC_ACT_UNSPEC);
        EXPECT_EQ(counted(ALPINE_VERDICT_TO_HOST), before + 1);
    }

    void expect_sent(const Bytes& ip, int action, alpine_verdict verdict) {
        const auto before = counted(verdict);
        EXPECT_EQ(send(ip), action);
        EXPECT_EQ(counted(verdict), before + 1);
    }

    void expect_dropped(const Bytes& ip, alpine_drop reason) {
        const auto before = counters(stack_one).drops[reason];
        EXPECT_EQ(send(ip), TC_ACT_SHOT);
        EXPECT_EQ(counters(stack_one).drops[reason], before + 1);
    }

    alpine_steering* programs = nullptr;
    unsigned stack_one = 0;
    unsigned stack_two = 0;
    unsigned out = 0;

private:
    std::unique_ptr<Namespace> space_;
    std::unique_ptr<Inside> inside_;
};

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
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_one, 1}, {stack_two, 1}});
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
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_one, 1}, {out, 1}, {stack_two, 1}});
    const auto among_three = owned_by_one();
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_two, 1}, {stack_one, 1}});
    const auto among_two = owned_by_one();
    EXPECT_TRUE(std::ranges::includes(among_two, among_three));
    EXPECT_GT(among_two.size(), among_three.size());
    EXPECT_LT(among_two.size(), flows);
}

TEST_F(Steering, AFlowStaysWithTheMemberThatHasSentOnIt) {
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_one, 1}});
    for (std::uint16_t port = 1; port <= 50; ++port) {
        send(tcp_segment({local4, claimed}, {remote4, port}, 1));
    }
    share(IPPROTO_TCP, {"0.0.0.0", claimed}, {{stack_one, 0}, {stack_two, 1}});
    for (std::uint16_t port = 1; port <= 50; ++port) {
        receive(tcp_segment({remote4, port}, {local4, claimed}, 1));
    }
    EXPECT_EQ(counters(stack_one).in_packets, 50U);
    receive(tcp_segment({remote4, 51}, {local4, claimed}, 1));
    EXPECT_EQ(counters(stack_two).in_packets, 1U);
}

TEST_F(Steering, OnlyMembersSendFromASharedEndpoint) {
    share(IPPROTO_UDP, {"0.0.0.0", claimed}, {{out, 1}, {stack_two, 1}});
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
    share(IPPROTO_UDP, {"0.0.0.0", claimed}, {{stack_one, 1}, {stack_two, 0}});
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
    share(IPPROTO_UDP, {"0.0.0.0", claimed}, {{stack_one, 1}, {stack_two, 1}});
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
