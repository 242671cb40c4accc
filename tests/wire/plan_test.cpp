// SPDX-License-Identifier: GPL-2.0
// What alp0 should carry, given what the host has: no kernel involved.
#include "wire/plan.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <net/if.h>

#include "wire/path_mtu_watch.h"

namespace alp::wire {
namespace {

AddressBytes ip(const char* text) {
    AddressBytes bytes{};
    EXPECT_EQ(1, ::inet_pton(std::string_view(text).find(':') == std::string_view::npos ? AF_INET : AF_INET6, text,
                             bytes.data()));
    return bytes;
}

Link link(int index, std::uint32_t mtu_bytes) { return {index, IFF_UP, mtu_bytes, "eth" + std::to_string(index)}; }

Address address(int link, const char* text, std::uint8_t prefix_len, std::uint32_t flags = 0) {
    Address made;
    made.family = std::string_view(text).find(':') == std::string_view::npos ? AF_INET : AF_INET6;
    made.prefix_len = prefix_len;
    made.flags = flags;
    made.link = link;
    made.local = ip(text);
    return made;
}

Route route(int link, const char* dst, std::uint8_t dst_len, const char* gateway = nullptr) {
    Route made;
    made.family = std::string_view(dst).find(':') == std::string_view::npos ? AF_INET : AF_INET6;
    made.type = RTN_UNICAST;
    made.dst_len = dst_len;
    made.link = link;
    made.dst = ip(dst);
    if (gateway != nullptr) {
        made.gateway = ip(gateway);
    }
    return made;
}

TEST(Plan, LeavesLoopbackAddressesToTheStack) {
    const HostState host{{link(2, 1500)}, {address(1, "127.0.0.1", 8), address(1, "::1", 128)}, {}};
    EXPECT_TRUE(plan_mirror(host).addresses.empty());
}

TEST(Plan, KeepsGlobalAddressOfTheLoopbackLink) {
    const HostState host{{}, {address(1, "192.0.2.1", 32)}, {}};
    EXPECT_EQ(1U, plan_mirror(host).addresses.size());
}

TEST(Plan, LeavesOutTentativeAndLinkLocalIpv6Addresses) {
    const HostState host{{link(2, 1500)},
                         {address(2, "fe80::1", 64), address(2, "2001:db8::1", 64, IFA_F_TENTATIVE),
                          address(2, "2001:db8::2", 64, IFA_F_PERMANENT)},
                         {}};
    const MirrorState mirror = plan_mirror(host);
    ASSERT_EQ(1U, mirror.addresses.size());
    EXPECT_EQ(ip("2001:db8::2"), mirror.addresses[0].local);
}

TEST(Plan, AddressOnTwoLinksIsOneAddress) {
    const HostState host{
        {link(2, 1500), link(3, 1500)}, {address(2, "192.0.2.1", 24), address(3, "192.0.2.1", 24)}, {}};
    EXPECT_EQ(1U, plan_mirror(host).addresses.size());
}

TEST(Plan, RouteWithoutSourceGetsItsLinksAddress) {
    const HostState host{{link(2, 1500), link(3, 1500)},
                         {address(2, "192.0.2.1", 24), address(3, "198.51.100.1", 24)},
                         {route(3, "0.0.0.0", 0, "198.51.100.254")}};
    const MirrorState mirror = plan_mirror(host);
    ASSERT_EQ(1U, mirror.routes.size());
    EXPECT_EQ(ip("198.51.100.1"), mirror.routes[0].prefsrc);
    EXPECT_FALSE(mirror.routes[0].gateway.has_value());
}

TEST(Plan, SourceSharesTheGatewaysSubnet) {
    const HostState host{{link(2, 1500)},
                         {address(2, "192.0.2.1", 24), address(2, "198.51.100.1", 24)},
                         {route(2, "203.0.113.0", 24, "198.51.100.254")}};
    EXPECT_EQ(ip("198.51.100.1"), plan_mirror(host).routes[0].prefsrc);
}

TEST(Plan, SeveralIpv6AddressesOfALinkAreLeftToTheStackToChoose) {
    const HostState host{
        {link(2, 1500)}, {address(2, "2001:db8::1", 64), address(2, "fd00::1", 64)}, {route(2, "::", 0, "fe80::1")}};
    EXPECT_FALSE(plan_mirror(host).routes[0].prefsrc.has_value());
}

TEST(Plan, RouteOverASmallerLinkCarriesItsMtu) {
    const HostState host{{link(2, 9000), link(3, 1400)},
                         {address(2, "192.0.2.1", 24), address(3, "198.51.100.1", 24)},
                         {route(2, "192.0.2.0", 24), route(3, "198.51.100.0", 24)}};
    const MirrorState mirror = plan_mirror(host);
    EXPECT_EQ(9000U, mirror.mtu_bytes);
    EXPECT_EQ(0U, mirror.routes[0].metrics[RTAX_MTU]);
    EXPECT_EQ(1400U, mirror.routes[1].metrics[RTAX_MTU]);
}

TEST(Plan, LinkWithoutAddressDoesNotSetTheMtu) {
    const HostState host{{link(2, 1500), link(9, 65535)}, {address(2, "192.0.2.1", 24)}, {}};
    EXPECT_EQ(1500U, plan_mirror(host).mtu_bytes);
}

TEST(Plan, SourceThatIsNotMirroredIsDropped) {
    HostState host{{link(2, 1500)}, {address(2, "2001:db8::1", 64)}, {route(2, "2001:db8:1::", 48)}};
    host.routes[0].prefsrc = ip("fe80::1");
    EXPECT_FALSE(plan_mirror(host).routes[0].prefsrc.has_value());
}

PathMtu path_mtu(const char* dst, std::uint32_t mtu_bytes) {
    return {std::string_view(dst).find(':') == std::string_view::npos ? std::uint8_t{AF_INET} : std::uint8_t{AF_INET6},
            ip(dst), mtu_bytes};
}

TEST(Plan, LearntPathMtuIsARouteToThatDestination) {
    HostState host{{link(2, 1500)},
                   {address(2, "192.0.2.1", 24), address(2, "2001:db8::1", 64)},
                   {route(2, "0.0.0.0", 0, "192.0.2.2"), route(2, "192.0.2.0", 24), route(2, "2001:db8::", 64)}};
    host.path_mtus = {path_mtu("198.51.100.7", 1300), path_mtu("2001:db8::7", 1280)};
    const std::vector<Route> routes = plan_mirror(host).routes;
    ASSERT_EQ(5U, routes.size());
    EXPECT_EQ(ip("198.51.100.7"), routes[3].dst);
    EXPECT_EQ(32, routes[3].dst_len);
    EXPECT_EQ(1300U, routes[3].metrics[RTAX_MTU]);
    EXPECT_EQ(ip("192.0.2.1"), routes[3].prefsrc) << "as the route that it is taken from";
    EXPECT_EQ(ip("2001:db8::7"), routes[4].dst);
    EXPECT_EQ(128, routes[4].dst_len);
    EXPECT_EQ(1280U, routes[4].metrics[RTAX_MTU]);
}

TEST(Plan, LearntPathMtuChangesTheRouteToJustThatDestination) {
    HostState host{{link(2, 1500)}, {address(2, "192.0.2.1", 24)}, {route(2, "198.51.100.7", 32, "192.0.2.2")}};
    host.path_mtus = {path_mtu("198.51.100.7", 1300)};
    const std::vector<Route> routes = plan_mirror(host).routes;
    ASSERT_EQ(1U, routes.size());
    EXPECT_EQ(1300U, routes[0].metrics[RTAX_MTU]);
}

TEST(Plan, LearntPathMtuThatIsNoSmallerOrHasNoRouteIsLeftOut) {
    HostState host{{link(2, 1400)}, {address(2, "192.0.2.1", 24)}, {route(2, "192.0.2.0", 24)}};
    host.path_mtus = {path_mtu("192.0.2.9", 1400), path_mtu("198.51.100.7", 1300)};
    EXPECT_EQ(1U, plan_mirror(host).routes.size());
}

constexpr char kSnmp[] =
    "Icmp: InMsgs InErrors\n"
    "Icmp: 12 3\n"
    "IcmpMsg: InType0 InType3 OutType8\n"
    "IcmpMsg: 5 70000000000 5\n";

TEST(PathMtuWatch, ReadsACounterByItsName) {
    EXPECT_EQ(70'000'000'000U, snmp_counter(kSnmp, "IcmpMsg:", "InType3"));
    EXPECT_EQ(3U, snmp_counter(kSnmp, "Icmp:", "InErrors"));
    EXPECT_EQ(0U, snmp_counter(kSnmp, "IcmpMsg:", "InType11")) << "one that never moved is not shown";
    EXPECT_EQ(0U, snmp_counter("IcmpMsg: InType3\nIcmpMsg:", "IcmpMsg:", "InType3"));
    EXPECT_EQ(0U, snmp_counter("", "IcmpMsg:", "InType3"));
    EXPECT_EQ(7U, snmp6_counter("Ip6InReceives \t5\nIcmp6InPktTooBigs  \t7\n", "Icmp6InPktTooBigs"));
    EXPECT_EQ(0U, snmp6_counter("Ip6InReceives", "Icmp6InPktTooBigs"));
}

TEST(Difference, OfEqualStatesIsEmpty) {
    const HostState host{{link(2, 1500)}, {address(2, "192.0.2.1", 24)}, {route(2, "192.0.2.0", 24)}};
    const MirrorChange change = difference(plan_mirror(host), plan_mirror(host));
    EXPECT_TRUE(change.stale_addresses.empty() && change.new_addresses.empty());
    EXPECT_TRUE(change.stale_routes.empty() && change.new_routes.empty());
}

TEST(Difference, NewAddressChangesTheRoutesThatUseIt) {
    const HostState before{{link(2, 1500)}, {address(2, "192.0.2.1", 24)}, {route(2, "192.0.2.0", 24)}};
    const HostState after{{link(2, 1500)}, {address(2, "192.0.2.7", 24)}, {route(2, "192.0.2.0", 24)}};
    const MirrorChange change = difference(plan_mirror(before), plan_mirror(after));
    EXPECT_EQ(1U, change.stale_addresses.size());
    EXPECT_EQ(1U, change.new_addresses.size());
    EXPECT_EQ(1U, change.stale_routes.size());
    ASSERT_EQ(1U, change.new_routes.size());
    EXPECT_EQ(ip("192.0.2.7"), change.new_routes[0].prefsrc);
}

TEST(SamePrefix, LooksAtWholeBitsOnly) {
    EXPECT_TRUE(same_prefix(ip("10.1.2.3"), ip("10.1.3.4"), 23));
    EXPECT_FALSE(same_prefix(ip("10.1.2.3"), ip("10.1.3.4"), 24));
    EXPECT_TRUE(same_prefix(ip("2001:db8::1"), ip("2001:db8::2"), 126));
    EXPECT_TRUE(same_prefix(ip("::1"), ip("::1"), 128));
}

}  // namespace
}  // namespace alp::wire
