// SPDX-License-Identifier: GPL-2.0
// An unprivileged user writes 1,000 forged packets of 20 kinds to his TUN queue. Nothing arrives: not on the other
// host, not at another user's stack, not in the host's own stack; and each is counted for him by reason.
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netpacket/packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <numeric>

#include "tests/proxy/hostile.h"
#include "tests/proxy/stack_client.h"

namespace alp::test {
namespace {

const std::string marker = "a forged packet";
constexpr std::uint16_t more_fragments = 0x2000;
constexpr std::uint16_t hosts_port = 5353;
constexpr std::uint16_t udp_at = 20;  // behind an IPv4 header without options

const Bytes marked(marker.begin(), marker.end());

/// The ports that the attacker may use and may not.
struct Ports {
    std::uint16_t own;
    std::uint16_t victims;
};

Bytes cut(Bytes packet, std::size_t length) {
    packet.resize(length);
    return packet;
}

Bytes with_v4_mapped_addresses(const Ports& ports) {
    Bytes packet =
        ip_packet(address_a6, address_b6, IPPROTO_UDP, udp_datagram({address_a6, ports.own}, {address_b6, 9}, marker));
    const in6_addr from = mapped_address(address_a4);
    const in6_addr to = mapped_address(address_b4);
    std::memcpy(&packet[8], &from, sizeof(from));
    std::memcpy(&packet[24], &to, sizeof(to));
    return packet;
}

Bytes with_short_header(const Ports& ports) {
    Bytes packet = udp_packet({address_a4, ports.own}, {address_b4, 9}, marker);
    packet[0] = 0x44;
    return packet;
}

struct Forgery {
    Bytes packet;
    alpine_drop reason;
    bool over_source_port = false;  ///< ask for the checksum to be written there
};

/// RFC 768 to 4443 offer the rest. `round` varies what can vary.
Forgery forge(int kind, int round, const Ports& ports) {
    const auto any_port = static_cast<std::uint16_t>(2000 + round);
    const auto id = static_cast<std::uint16_t>(round);
    const Point remote{address_b4, any_port};
    const Bytes to_victim = udp_packet({address_b4, any_port}, {address_a4, ports.victims}, marker);
    const Bytes of_victim = udp_packet({address_a4, ports.victims}, {address_b4, ports.own}, marker);
    const Bytes to_own = udp_packet({address_b4, any_port}, {address_a4, ports.own}, marker);
    const Bytes to_own6 = udp_packet({address_b6, any_port}, {address_a6, ports.own}, marker);
    switch (kind) {
        case 0:
            return {udp_packet({address_b4, ports.own}, {address_a4, ports.victims}, marker),
                    ALPINE_DROP_SOURCE_ADDRESS};
        case 1:
            return {udp_packet({address_b6, ports.own}, {address_a6, ports.victims}, marker),
                    ALPINE_DROP_SOURCE_ADDRESS};
        case 2:
            return {udp_packet({"224.0.0.251", ports.own}, remote, marker), ALPINE_DROP_SOURCE_ADDRESS};
        case 3:
            return {udp_packet({"0.0.0.0", 68}, {"255.255.255.255", 67}, marker), ALPINE_DROP_SOURCE_ADDRESS};
        case 4:
            return {udp_packet({"127.0.0.1", ports.own}, remote, marker), ALPINE_DROP_SOURCE_ADDRESS};
        case 5:
            return {udp_packet({address_a4, any_port}, remote, marker), ALPINE_DROP_NOT_OWNED};
        case 6:
            return {udp_packet({address_a4, ports.victims}, remote, marker), ALPINE_DROP_NOT_OWNED};
        case 7:
            return {udp_packet({address_a6, ports.victims}, {address_b6, any_port}, marker), ALPINE_DROP_NOT_OWNED};
        case 8:
            return {udp_packet({address_a4, hosts_port}, {address_a4, ports.victims}, marker), ALPINE_DROP_NOT_OWNED};
        case 9:
            return {tcp_segment({address_a4, ports.victims}, remote, 64), ALPINE_DROP_NOT_OWNED};
        case 10:
            return {
                ip_packet(address_a4, address_b4, IPPROTO_ICMP, Bytes{ICMP_ECHOREPLY, 0, 0, 0, 0, 1, 0, 1} + marked),
                ALPINE_DROP_NOT_OWNED};
        case 11:  // about the victim's flow to a remote server whose port the attacker has claimed here
            return {ip_packet(address_a4, address_a4, IPPROTO_ICMP, icmp_error(ICMP_DEST_UNREACH, 3, of_victim)),
                    ALPINE_DROP_NOT_OWNED};
        case 12:
            return {ip_packet(address_a4, address_b4, IPPROTO_ICMP, icmp_error(ICMP_DEST_UNREACH, 3, to_victim)),
                    ALPINE_DROP_NOT_OWNED};
        case 13:
            return {ip_packet(address_a4, address_b4, IPPROTO_ICMP,
                              icmp_error(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, to_own)),
                    ALPINE_DROP_NOT_OWNED};
        case 14:
            return {ip_packet(address_a6, address_b6, IPPROTO_ICMPV6, icmp_error(ICMP6_PACKET_TOO_BIG, 0, to_own6)),
                    ALPINE_DROP_NOT_OWNED};
        case 15:  // a router's, a neighbour's
            return {ip_packet(address_a6, address_b6, IPPROTO_ICMPV6,
                              Bytes{static_cast<std::uint8_t>(133 + round % 5), 0, 0, 0, 0, 0, 0, 0} + marked),
                    ALPINE_DROP_NOT_OWNED};
        case 16:
            return {ip_packet(address_a4, address_b4, IPPROTO_UDP, marked + Bytes(9),
                              static_cast<std::uint16_t>(1 + round), id),
                    ALPINE_DROP_NOT_OWNED};
        case 17:
            return {ip_packet(address_a4, address_b4, IPPROTO_UDP,
                              udp_datagram({address_a4, ports.victims}, remote, marker), more_fragments, id),
                    ALPINE_DROP_NOT_OWNED};
        case 18:
            return {round % 2 == 0   ? with_v4_mapped_addresses(ports)
                    : round % 3 == 0 ? cut(udp_packet({address_a4, ports.own}, remote, marker), 20 + 1 + round % 3)
                                     : with_short_header(ports),
                    ALPINE_DROP_MALFORMED};
        default: {
            Bytes packet = udp_packet({address_a4, ports.own}, remote, marker);
            packet[udp_at + 6] = packet[udp_at + 7] = 0;  // no checksum of its own: the forged port would pass
            return {packet, ALPINE_DROP_MALFORMED, true};
        }
    }
}

/// What the attacker reports from his process; shared memory.
struct Report {
    std::array<int, ALPINE_DROP_REASONS> expected;
    alpine_wire_counters counters;
    bool wrote_all;
};

/// A socket that sees whatever a host receives of a kind.
UniqueFd sniffer(const Namespace& host, int family, int type, int protocol) {
    const Inside inside(host);
    UniqueFd made(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    EXPECT_TRUE(made.valid()) << strerror(errno);
    const int plenty = 4 << 20;
    setsockopt(made.get(), SOL_SOCKET, SO_RCVBUFFORCE, &plenty, sizeof(plenty));
    return made;
}

int forged_among(const UniqueFd& sniffer) {
    std::array<char, 65536> packet{};
    int found = 0;
    for (;;) {
        const ssize_t length = recv(sniffer.get(), packet.data(), packet.size(), 0);
        if (length < 0) {
            return found;
        }
        const char* begin = packet.data();
        const char* end = begin + length;
        found += std::search(begin, end, marker.begin(), marker.end()) != end ? 1 : 0;
    }
}

class HostilePackets : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
        testbed = std::make_unique<Testbed>();
        run(testbed->a().exec() + "ethtool -K veth0 tx off >/dev/null");  // so that checksums are written, not left
        victim = std::make_unique<StackClient>(testbed->a());
        victims_port = victim->claim({"::", 0});                           // of both families
        on_b = sniffer(testbed->b(), AF_PACKET, SOCK_RAW, htons(0x0003));  // ETH_P_ALL
        for (const int protocol : {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP}) {
            on_a.push_back(sniffer(testbed->a(), AF_INET, SOCK_RAW, protocol));
        }
        for (const int protocol : {int{IPPROTO_UDP}, int{IPPROTO_TCP}, int{IPPROTO_ICMPV6}}) {
            on_a.push_back(sniffer(testbed->a(), AF_INET6, SOCK_RAW, protocol));
        }
        report = static_cast<Report*>(
            mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    }
    void TearDown() override {
        victim.reset();
        testbed.reset();
    }

    /// In the attacker's process: one claimed port, and then the packets.
    int attack() const {
        StackClient attacker(testbed->a(), StackClient::already_there);
        const Ports ports{attacker.claim({"::", 0}), victims_port};
        report->wrote_all = true;
        for (int round = 0; round < hostile_rounds; ++round) {
            for (int kind = 0; kind < hostile_kinds; ++kind) {
                const Forgery forgery = forge(kind, round, ports);
                report->expected[forgery.reason] += 1;
                if (forgery.over_source_port) {
                    report->wrote_all = report->wrote_all && attacker.send_unsummed(forgery.packet, udp_at, 0);
                } else {
                    attacker.send(forgery.packet);
                }
            }
        }
        // On the classic wire alpined may still be reading them.
        within_a_second([&] {
            report->counters = attacker.counters();
            return std::accumulate(report->counters.drops, report->counters.drops + ALPINE_DROP_NOT_STEERED,
                                   __u64{0}) >= hostile_attempts;
        });
        return testing::Test::HasFailure() ? 1 : 0;
    }

    std::unique_ptr<Testbed> testbed;
    std::unique_ptr<StackClient> victim;
    std::uint16_t victims_port = 0;
    UniqueFd on_b;
    std::vector<UniqueFd> on_a;
    Report* report = nullptr;
};

TEST_F(HostilePackets, NoneOfAThousandGetsThroughAndEachIsCounted) {
    ASSERT_EQ(as_nobody(testbed->a(), [this] { return attack(); }), 0);
    EXPECT_TRUE(report->wrote_all);
    int counted = 0;
    // The last reason is not the attacker's doing: what the host says of itself on every device.
    for (int reason = 0; reason < ALPINE_DROP_NOT_STEERED; ++reason) {
        SCOPED_TRACE(reason);
        EXPECT_EQ(report->counters.drops[reason], static_cast<unsigned>(report->expected[reason]));
        counted += static_cast<int>(report->counters.drops[reason]);
    }
    EXPECT_EQ(counted, hostile_attempts);
    EXPECT_EQ(report->counters.out_packets, 0U);
    EXPECT_EQ(forged_among(on_b), 0);
    for (const UniqueFd& socket : on_a) {
        EXPECT_EQ(forged_among(socket), 0);
    }
    EXPECT_FALSE(victim->receive(100).has_value());
}

// The sniffers of the test above see what they are there for.
TEST_F(HostilePackets, WhatIsNotForgedArrivesEverywhere) {
    victim->send(udp_packet({address_a4, victims_port}, {address_b4, 9}, marker));
    victim->send(udp_packet({address_a4, victims_port}, {address_a4, 9}, marker));
    EXPECT_TRUE(within_a_second([this] { return forged_among(on_b) > 0; }));
    EXPECT_TRUE(within_a_second([this] { return forged_among(on_a.front()) > 0; }));
    const Inside inside(testbed->b());
    const UniqueFd client = bound_socket({address_b4, 0});
    send_datagram(client.get(), {address_a4, victims_port}, "for the victim");
    EXPECT_TRUE(within_a_second([this] {  // after the host's word that its port 9 is closed
        const auto seen = victim->receive(10);
        return seen && seen->payload == "for the victim";
    }));
}

}  // namespace
}  // namespace alp::test
