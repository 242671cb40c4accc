// SPDX-License-Identifier: GPL-2.0
// The capture's filter lets through all that is for a stack, and little else.
#include "proxy/classic/filter.h"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include "tests/proxy/packets.h"

namespace alp::test {
namespace {

using proxy::classic::compile_filter;
using proxy::classic::expression_for;
using Claims = std::set<alpine_flow_key, proxy::KeyLess>;

constexpr std::size_t kernel_max_instructions = 4096;  // BPF_MAXINSNS

Claims claims_of(const std::vector<unsigned>& ports, std::uint8_t protocol = IPPROTO_UDP) {
    Claims claims;
    for (const unsigned port : ports) {
        claims.insert(proxy::make_key(protocol, in6addr_any, htons(static_cast<std::uint16_t>(port))));
    }
    return claims;
}

/// A filter as libpcap itself runs it.
class Filter {
public:
    explicit Filter(const Claims& claims) {
        pcap_t* ip = pcap_open_dead(DLT_RAW, 65535);
        const std::string text = expression_for(claims);
        EXPECT_EQ(pcap_compile(ip, &program_, text.c_str(), 1, PCAP_NETMASK_UNKNOWN), 0) << text;
        pcap_close(ip);
    }
    Filter(const Filter&) = delete;
    Filter& operator=(const Filter&) = delete;
    ~Filter() { pcap_freecode(&program_); }

    [[nodiscard]] bool passes(const Bytes& packet) const {
        const auto length = static_cast<unsigned>(packet.size());
        return bpf_filter(program_.bf_insns, packet.data(), length, length) != 0;
    }
    [[nodiscard]] bool passes_port(std::uint16_t port) const {
        const bool v4 = passes(udp_packet({"10.79.0.2", 9}, {"10.79.0.1", port}, "x"));
        EXPECT_EQ(v4, passes(udp_packet({"fd79::2", 9}, {"fd79::1", port}, "x")));
        return v4;
    }

private:
    bpf_program program_{};
};

TEST(Filter, ClaimedPortsPassAndOthersDoNot) {
    const Filter filter(claims_of({53, 8080, 8081, 8082}));
    for (const std::uint16_t port : {53, 8080, 8081, 8082}) {
        EXPECT_TRUE(filter.passes_port(port)) << port;
    }
    for (const std::uint16_t port : {52, 54, 8079, 8083}) {
        EXPECT_FALSE(filter.passes_port(port)) << port;
    }
}

TEST(Filter, ASourcePortIsNoClaim) {
    const Filter filter(claims_of({53}));
    EXPECT_FALSE(filter.passes(udp_packet({"10.79.0.2", 53}, {"10.79.0.1", 9}, "x")));
}

TEST(Filter, WithoutClaimsNoPortPasses) { EXPECT_FALSE(Filter(Claims{}).passes_port(53)); }

TEST(Filter, LaterPiecesOfDatagramsPass) {
    const Filter filter(claims_of({53}));
    EXPECT_TRUE(filter.passes(ip_packet("10.79.0.2", "10.79.0.1", IPPROTO_UDP, Bytes(100), 185)));
    const Bytes piece = v6_fragment(IPPROTO_UDP, 1480, false, Bytes(100));
    EXPECT_TRUE(filter.passes(ip_packet("fd79::2", "fd79::1", IPPROTO_FRAGMENT, piece)));
}

TEST(Filter, IcmpPasses) {
    const Filter filter(claims_of({53}));
    const Bytes lost = udp_packet({"10.79.0.1", 53}, {"10.79.0.2", 9}, "x");
    EXPECT_TRUE(filter.passes(ip_packet("10.79.0.2", "10.79.0.1", IPPROTO_ICMP, icmp_error(3, 3, lost))));
}

TEST(Filter, ATransportThatLibpcapHasNoPortsForPassesAsAWhole) {
    const Bytes lite = ip_packet("10.79.0.2", "10.79.0.1", IPPROTO_UDPLITE, Bytes(100));
    EXPECT_TRUE(Filter(claims_of({53}, IPPROTO_UDPLITE)).passes(lite));
    EXPECT_FALSE(Filter(claims_of({53}, IPPROTO_UDP)).passes(lite));
}

TEST(Filter, HoweverManyPortsThereAreTheKernelTakesItAndAllPass) {
    std::vector<unsigned> ports;
    for (unsigned port = 1; port < 65536; port += 1 + port % 11) {
        ports.push_back(port);
    }
    const auto claims = claims_of(ports);
    const auto compiled = compile_filter(expression_for(claims));
    ASSERT_TRUE(compiled.ok());
    EXPECT_LE(compiled.value().size(), kernel_max_instructions);
    const Filter filter(claims);
    for (const unsigned port : ports) {
        ASSERT_TRUE(filter.passes_port(static_cast<std::uint16_t>(port))) << port;
    }
}

}  // namespace
}  // namespace alp::test
