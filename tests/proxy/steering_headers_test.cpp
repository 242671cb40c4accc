// SPDX-License-Identifier: GPL-2.0
// Steering and what stands in front of the transport header: link headers, IPv4 options, IPv6 extension headers; all of
// it cut off anywhere, or wrong.

#include "tests/proxy/steering_fixture.h"

namespace alp::test {
namespace {

constexpr int authentication = 51;
constexpr int mobility = 135;
constexpr int shim6 = 140;

class SteeringHeaders : public Steering {
protected:
    static Bytes to_claimed4() { return udp_packet({remote4, 9}, {local4, claimed}, "x"); }
    static Bytes to_claimed6() { return udp_packet({remote6, 9}, {local6, claimed}, "x"); }
    static Bytes from_claimed4() { return udp_packet({local4, claimed}, {remote4, 9}, "x"); }
    static Bytes from_claimed6() { return udp_packet({local6, claimed}, {remote6, 9}, "x"); }

    /// An IPv6 datagram for the claimed port behind one more header. `words`: its length in 8 bytes, less one.
    static Bytes behind(std::uint8_t header, std::uint8_t words = 0) {
        const Bytes extension = Bytes{IPPROTO_UDP, words, 1, 4} + Bytes(4 + 8U * words);
        return ip_packet(remote6, local6, header, extension + udp_datagram({remote6, 9}, {local6, claimed}, "x"));
    }

    /// IPv4 with so many words of options, all NOP.
    static Bytes with_options(Bytes packet, std::uint8_t words) {
        packet[0] = static_cast<std::uint8_t>(0x45 + words);
        packet.insert(packet.begin() + 20, 4U * words, 1);
        return packet;
    }

    /// The shortest piece of `packet` in which steering still finds its ports.
    static constexpr std::size_t ports4_end = 20 + 4;
    static constexpr std::size_t ports6_end = 40 + 4;
};

Bytes cut(Bytes packet, std::size_t length) {
    packet.resize(length);
    return packet;
}

TEST_F(SteeringHeaders, APacketFromOutsideIsItsStacks) {
    const auto before = counters(stack_one).in_packets;
    EXPECT_EQ(receive_from_outside(to_claimed4()), TC_ACT_REDIRECT);
    EXPECT_EQ(receive_from_outside(to_claimed6()), TC_ACT_REDIRECT);
    EXPECT_EQ(counters(stack_one).in_packets, before + 2);
}

TEST_F(SteeringHeaders, AnotherLinkAddressIsTheHosts) {
    Bytes frame = link_address_of_out() + ethernet(to_claimed4(), 6);
    frame[5] ^= 1;
    EXPECT_EQ(verdict_of_frame(programs->progs.host_ingress, frame, out), TC_ACT_UNSPEC);
}

// RFC 1122, 3.2.1.3: nobody outside has our address.
TEST_F(SteeringHeaders, ASourceOfThisHostFromOutsideIsTheHosts) {
    EXPECT_EQ(receive_from_outside(udp_packet({local4, 9}, {local4, claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(receive_from_outside(udp_packet({local6, 9}, {local6, claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(receive_from_outside(udp_packet({"127.0.0.1", 9}, {local4, claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(receive_from_outside(udp_packet({"::1", 9}, {local6, claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(counters(stack_one).in_packets, 0U);
    expect_to_stack_one(udp_packet({local4, 9}, {local4, claimed}, "x"));  // by lo it is local traffic
}

TEST_F(SteeringHeaders, ALoopbackDestinationFromOutsideIsTheHosts) {
    EXPECT_EQ(receive_from_outside(udp_packet({remote4, 9}, {"127.0.0.1", claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(receive_from_outside(udp_packet({remote6, 9}, {"::1", claimed}, "x")), TC_ACT_UNSPEC);
    EXPECT_EQ(counters(stack_one).in_packets, 0U);
}

// A tag that is still in the frame. (The one that the kernel has taken out: frames_test.cpp.)
TEST_F(SteeringHeaders, ATaggedFrameIsLeftToItsVlanDevice) {
    const Bytes tag = {0x81, 0x00, 0x00, 0x2a};
    Bytes frame = link_address_of_out() + ethernet(to_claimed4(), 6);
    ASSERT_EQ(verdict_of_frame(programs->progs.host_ingress, frame, out), TC_ACT_REDIRECT);
    frame.insert(frame.begin() + 12, tag.begin(), tag.end());
    EXPECT_EQ(verdict_of_frame(programs->progs.host_ingress, frame, out), TC_ACT_UNSPEC);
}

TEST_F(SteeringHeaders, AnotherEthertypeIsTheHosts) {
    Bytes frame = link_address_of_out() + ethernet(to_claimed4(), 6);
    frame[12] = 0x88;
    frame[13] = 0x64;  // PPPoE
    EXPECT_EQ(verdict_of_frame(programs->progs.host_ingress, frame, out), TC_ACT_UNSPEC);
    EXPECT_EQ(verdict_of_frame(programs->progs.tun_ingress, frame, stack_one), TC_ACT_SHOT);
    EXPECT_EQ(counters(stack_one).drops[ALPINE_DROP_MALFORMED], 1U);
}

TEST_F(SteeringHeaders, EveryLengthOfIpv4OptionsIsSkipped) {
    for (std::uint8_t words = 0; words <= 10; ++words) {
        SCOPED_TRACE(static_cast<int>(words));
        expect_to_stack_one(with_options(to_claimed4(), words));
        expect_sent(with_options(from_claimed4(), words), TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
    }
}

TEST_F(SteeringHeaders, AnIpv4HeaderShorterThanItselfIsMalformed) {
    for (std::uint8_t words = 0; words < 5; ++words) {
        Bytes packet = from_claimed4();
        packet[0] = static_cast<std::uint8_t>(0x40 + words);
        expect_dropped(packet, ALPINE_DROP_MALFORMED);
        packet = to_claimed4();
        packet[0] = static_cast<std::uint8_t>(0x40 + words);
        expect_to_host(packet);
    }
}

TEST_F(SteeringHeaders, AVersionThatIsNotItsEthertypesIsMalformed) {
    for (unsigned version = 0; version < 16; ++version) {
        if (version == 4) {
            continue;
        }
        Bytes frame = ethernet(from_claimed4());
        frame[14] = static_cast<std::uint8_t>(version << 4 | 5);
        EXPECT_EQ(verdict_of_frame(programs->progs.tun_ingress, frame, stack_one), TC_ACT_SHOT) << version;
    }
    Bytes frame = ethernet(from_claimed6());
    frame[14] = 0x45;
    EXPECT_EQ(verdict_of_frame(programs->progs.tun_ingress, frame, stack_one), TC_ACT_SHOT);
    EXPECT_EQ(counters(stack_one).drops[ALPINE_DROP_MALFORMED], 16U);
}

TEST_F(SteeringHeaders, CutAnywhereBeforeItsPortsAPacketIsMalformed) {
    // BPF_PROG_TEST_RUN refuses what has not even the fixed header: shorter ones are the fuzzer's (tests/fuzz).
    const auto check = [this](const Bytes& in, const Bytes& from, std::size_t ports_end) {
        for (std::size_t length = ports_end - 4; length < ports_end; ++length) {
            SCOPED_TRACE(length);
            expect_to_host(cut(in, length));
            expect_dropped(cut(from, length), ALPINE_DROP_MALFORMED);
        }
        expect_to_stack_one(cut(in, ports_end));
    };
    check(to_claimed4(), from_claimed4(), ports4_end);
    check(to_claimed6(), from_claimed6(), ports6_end);
}

TEST_F(SteeringHeaders, CutWithinItsExtensionHeadersAPacketIsTheHosts) {
    const Bytes whole = behind(IPPROTO_DSTOPTS, 2);
    for (std::size_t length = 40; length < 40 + 24 + 4; ++length) {
        SCOPED_TRACE(length);
        expect_to_host(cut(whole, length));
    }
    expect_to_stack_one(cut(whole, 40 + 24 + 4));
}

TEST_F(SteeringHeaders, EveryExtensionHeaderOfRfc8200IsSkipped) {
    for (const int header : {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS}) {
        for (const std::uint8_t words : {0, 1, 30}) {
            SCOPED_TRACE(fmt::format("header {}, {} words", header, words));
            expect_to_stack_one(behind(static_cast<std::uint8_t>(header), words));
        }
    }
    expect_to_stack_one(
        ip_packet(remote6, local6, IPPROTO_FRAGMENT,
                  v6_fragment(IPPROTO_UDP, 0, false, udp_datagram({remote6, 9}, {local6, claimed}, "x"))));
}

// Their insides are nobody's port: the packet is the host's, and no stack sends it.
TEST_F(SteeringHeaders, HeadersThatHideTheTransportAreTheHosts) {
    for (const int header : {authentication, int{IPPROTO_ESP}, int{IPPROTO_NONE}, mobility, shim6, 253}) {
        SCOPED_TRACE(header);
        expect_to_host(behind(static_cast<std::uint8_t>(header)));
        expect_dropped(ip_packet(local6, remote6, static_cast<std::uint8_t>(header),
                                 udp_datagram({local6, claimed}, {remote6, 9}, "x")),
                       ALPINE_DROP_NOT_OWNED);
    }
}

TEST_F(SteeringHeaders, AFirstPieceWithoutItsPortsIsMalformed) {
    constexpr std::uint16_t more = 0x2000;
    expect_dropped(ip_packet(local4, remote4, IPPROTO_UDP, Bytes{claimed >> 8, claimed & 0xff}, more),
                   ALPINE_DROP_MALFORMED);
    expect_dropped(ip_packet(local6, remote6, IPPROTO_FRAGMENT,
                             v6_fragment(IPPROTO_DSTOPTS, 0, true, Bytes{IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0})),
                   ALPINE_DROP_MALFORMED);
}

TEST_F(SteeringHeaders, PiecesOfOneStackDoNotSpeakForAnothers) {
    constexpr std::uint16_t more = 0x2000;
    const Bytes later = ip_packet(local4, remote4, IPPROTO_UDP, Bytes(64, 'y'), 9, 11);
    const Bytes first = ip_packet(local4, remote4, IPPROTO_UDP,
                                  udp_datagram({local4, claimed}, {remote4, 9}, std::string(64, 'x')), more, 11);
    expect_sent(first, TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
    expect_sent(later, TC_ACT_REDIRECT, ALPINE_VERDICT_OUT);
    EXPECT_EQ(verdict(programs->progs.tun_ingress, later, stack_two), TC_ACT_SHOT);
    EXPECT_EQ(counters(stack_two).drops[ALPINE_DROP_NOT_OWNED], 1U);
}

// They would be looked up as the IPv4 endpoints of the same name.
TEST_F(SteeringHeaders, V4MappedAddressesInAnIpv6PacketAreMalformed) {
    const Bytes udp = udp_datagram({local6, claimed}, {remote6, 9}, "x");
    const auto packet = [&udp](const std::string& source, const std::string& destination) {
        Bytes ip = ip_packet(local6, remote6, IPPROTO_UDP, udp);
        const in6_addr from = mapped_address(source);
        const in6_addr to = mapped_address(destination);
        std::memcpy(&ip[8], &from, sizeof(from));
        std::memcpy(&ip[24], &to, sizeof(to));
        return ip;
    };
    expect_dropped(packet(local4, remote4), ALPINE_DROP_MALFORMED);
    expect_dropped(packet(local6, remote4), ALPINE_DROP_MALFORMED);
    expect_dropped(packet("127.0.0.1", local4), ALPINE_DROP_MALFORMED);
    Bytes incoming = packet(remote6, local4);
    incoming[42] = claimed >> 8;
    incoming[43] = claimed & 0xff;
    expect_to_host(incoming);
}

TEST_F(SteeringHeaders, ASourceThatIsNoHostsIsDropped) {
    for (const char* source : {"224.0.0.1", "255.255.255.255", "0.0.0.0", "10.79.0.255"}) {
        SCOPED_TRACE(source);
        expect_dropped(udp_packet({source, claimed}, {remote4, 9}, "x"), ALPINE_DROP_SOURCE_ADDRESS);
    }
    for (const char* source : {"ff02::1", "::", "fe80::1"}) {
        SCOPED_TRACE(source);
        expect_dropped(udp_packet({source, claimed}, {remote6, 9}, "x"), ALPINE_DROP_SOURCE_ADDRESS);
    }
}

// The check of the checksum (bpf/checksum.h) writes into the packet for a moment.
TEST_F(SteeringHeaders, APacketIsSentAsItCame) {
    const Bytes frame = ethernet(udp_packet({local4, claimed}, {local4, 9}, "x"));
    Bytes after(frame.size() + 64);
    LIBBPF_OPTS(bpf_test_run_opts, options);
    __sk_buff context{};
    context.ifindex = stack_one;
    context.ingress_ifindex = stack_one;
    options.data_in = frame.data();
    options.data_size_in = static_cast<__u32>(frame.size());
    options.data_out = after.data();
    options.data_size_out = static_cast<__u32>(after.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.repeat = 1;
    ASSERT_EQ(bpf_prog_test_run_opts(bpf_program__fd(programs->progs.tun_ingress), &options), 0) << strerror(errno);
    EXPECT_EQ(static_cast<int>(options.retval), TC_ACT_OK);
    after.resize(options.data_size_out);
    EXPECT_EQ(after, frame);
}

}  // namespace
}  // namespace alp::test
