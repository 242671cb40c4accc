// SPDX-License-Identifier: GPL-2.0
// The mirror against real kernels: one namespace is the host, another stands for the stack.
// Needs root (network namespaces).
#include "wire/mirror.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/wire/fake_stack.h"

namespace alp::wire {
namespace {

// Named for this process, so that several tests can run at once.
const std::string kHost = "alpine-test-host-" + std::to_string(::getpid());
const std::string kStack = "alpine-test-stack-" + std::to_string(::getpid());

/// Runs a command and returns what it printed.
std::string output_of(const std::string& command) {
    std::string output;
    FILE* pipe = ::popen(command.c_str(), "r");
    std::array<char, 4096> buffer{};
    while (std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        output.append(buffer.data(), got);
    }
    ::pclose(pipe);
    return output;
}

void run(const std::string& command) { ASSERT_EQ(0, std::system(command.c_str())) << command; }

void on_host(const std::string& arguments) { run("ip -n " + kHost + " " + arguments); }

std::string in_stack(const std::string& arguments) { return output_of("ip -n " + kStack + " " + arguments); }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class MirrorTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "needs root: makes network namespaces";
        }
        remove_namespaces();
        run("ip netns add " + kHost);
        run("ip netns add " + kStack);
        run("ip -n " + kStack + " link add alp0 type veth peer name wire_end");
        run("ip -n " + kStack + " link set wire_end addrgenmode none up");
        on_host("link set lo up");
        on_host("link add eth1 mtu 1500 type veth peer name peer1");
        on_host("link add eth2 mtu 1400 type veth peer name peer2");
        on_host("link set peer1 up");
        on_host("link set peer2 up");
        on_host("link set eth1 up");
        on_host("link set eth2 up");
        on_host("address add 10.77.0.1/24 dev eth1");
        on_host("address add fd77::1/64 dev eth1 nodad");
        on_host("address add 10.88.0.1/24 dev eth2");
        test::use_as_stack(kStack.c_str());
        test::enter_netns(kHost.c_str());
    }

    void TearDown() override { remove_namespaces(); }

    static void remove_namespaces() {
        for (const std::string& name : {kHost, kStack}) {
            (void)std::system(("ip netns del " + name + " 2>/dev/null").c_str());
        }
    }
};

/// Waits for a change to be announced and follows it.
void follow_change(Mirror& mirror) {
    pollfd waiting{mirror.change_fd(), POLLIN, 0};
    ASSERT_EQ(1, ::poll(&waiting, 1, 1000 /* ms */));
    const auto followed = mirror.follow();
    ASSERT_TRUE(followed.ok()) << followed.error().message();
}

void expect_mirrored(const Result<void>& result) { ASSERT_TRUE(result.ok()) << result.error().message(); }

TEST_F(MirrorTest, AddressesAppearOnAlp0) {
    expect_mirrored(mirror_host());
    const std::string shown = in_stack("address show");
    EXPECT_TRUE(contains(shown, "inet 10.77.0.1/24")) << shown;
    EXPECT_TRUE(contains(shown, "inet 10.88.0.1/24")) << shown;
    EXPECT_TRUE(contains(shown, "inet6 fd77::1/64")) << shown;
    EXPECT_TRUE(contains(shown, "inet 127.0.0.1/8")) << shown;
    EXPECT_TRUE(contains(shown, "inet6 ::1/128")) << shown;
    EXPECT_FALSE(contains(shown, "fe80:")) << shown;
}

TEST_F(MirrorTest, RoutesGoThroughAlp0WithoutGateway) {
    on_host("route add default via 10.77.0.2");
    on_host("-6 route add 2001:db8::/32 via fd77::2");
    expect_mirrored(mirror_host());
    const std::string shown = in_stack("route show") + in_stack("-6 route show");
    EXPECT_TRUE(contains(shown, "default dev alp0 scope link src 10.77.0.1")) << shown;
    EXPECT_TRUE(contains(shown, "2001:db8::/32 dev alp0 src fd77::1")) << shown;
    EXPECT_TRUE(contains(shown, "fd77::/64 dev alp0")) << shown;
    EXPECT_FALSE(contains(shown, "via")) << shown;
}

TEST_F(MirrorTest, RouteOverASmallerLinkKeepsItsMtu) {
    expect_mirrored(mirror_host());
    EXPECT_TRUE(contains(in_stack("link show alp0"), "mtu 1500"));
    const std::string shown = in_stack("route show 10.88.0.0/24");
    EXPECT_TRUE(contains(shown, "src 10.88.0.1 mtu 1400")) << shown;
}

TEST_F(MirrorTest, RefusingRoutesAreMirroredAsTheyAre) {
    on_host("route add unreachable 192.0.2.0/24");
    on_host("route add blackhole 198.51.100.0/24");
    on_host("-6 route add prohibit 2001:db8:1::/48");
    expect_mirrored(mirror_host());
    const std::string shown = in_stack("route show") + in_stack("-6 route show");
    EXPECT_TRUE(contains(shown, "unreachable 192.0.2.0/24")) << shown;
    EXPECT_TRUE(contains(shown, "blackhole 198.51.100.0/24")) << shown;
    EXPECT_TRUE(contains(shown, "prohibit 2001:db8:1::/48")) << shown;
}

TEST_F(MirrorTest, MultipathRouteTakesItsFirstHop) {
    on_host("route add 203.0.113.0/24 nexthop via 10.88.0.2 nexthop via 10.77.0.2");
    expect_mirrored(mirror_host());
    const std::string shown = in_stack("route show 203.0.113.0/24");
    EXPECT_TRUE(contains(shown, "dev alp0 scope link src 10.88.0.1 mtu 1400")) << shown;
}

TEST_F(MirrorTest, RoutesOfOtherTablesAreLeftAlone) {
    on_host("route add 192.0.2.0/24 dev eth1 table 77");
    expect_mirrored(mirror_host());
    EXPECT_EQ("", in_stack("route show table all 192.0.2.0/24"));
}

TEST_F(MirrorTest, HostWithoutAddressesIsMirroredToo) {
    on_host("link del eth1");
    on_host("link del eth2");
    expect_mirrored(mirror_host());
    EXPECT_TRUE(contains(in_stack("address show lo"), "127.0.0.1"));
}

TEST_F(MirrorTest, StackWithoutWireIsAnError) {
    run("ip -n " + kStack + " link del alp0");
    const auto result = mirror_host();
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(ENODEV, result.error().code);
}

TEST_F(MirrorTest, ThousandRoutesAreMirroredQuickly) {
    run(std::string("for i in $(seq 0 999); do echo route add 100.64.$((i/256)).$((i%256))/32 via 10.77.0.2; done"
                    " | ip -n ") +
        kHost + " -batch -");
    const auto start = std::chrono::steady_clock::now();
    expect_mirrored(mirror_host());
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took, std::chrono::milliseconds(500));
    EXPECT_EQ("1000\n", output_of("ip -n " + kStack + " route | grep -c ^100.64"));
}

TEST_F(MirrorTest, FollowsANewAddress) {
    auto mirror = Mirror::start();
    ASSERT_TRUE(mirror.ok());
    on_host("address add 10.99.0.1/24 dev eth1");
    follow_change(mirror.value());
    EXPECT_TRUE(contains(in_stack("address show alp0"), "inet 10.99.0.1/24"));
    EXPECT_TRUE(contains(in_stack("route show"), "10.99.0.0/24 dev alp0"));
}

TEST_F(MirrorTest, FollowsARemovedAddressAndKeepsTheOthers) {
    on_host("address add 10.77.0.9/24 dev eth1");
    auto mirror = Mirror::start();
    ASSERT_TRUE(mirror.ok());
    on_host("address del 10.88.0.1/24 dev eth2");
    follow_change(mirror.value());
    const std::string shown = in_stack("address show alp0");
    EXPECT_FALSE(contains(shown, "10.88.0.1")) << shown;
    EXPECT_TRUE(contains(shown, "10.77.0.1")) << shown;
    EXPECT_TRUE(contains(shown, "10.77.0.9")) << shown;
    EXPECT_FALSE(contains(in_stack("route show"), "10.88.0.0"));
}

TEST_F(MirrorTest, FollowsARouteThatMoves) {
    on_host("route add default via 10.77.0.2");
    auto mirror = Mirror::start();
    ASSERT_TRUE(mirror.ok());
    on_host("route replace default via 10.88.0.2");
    follow_change(mirror.value());
    const std::string shown = in_stack("route show default");
    EXPECT_EQ("default dev alp0 scope link src 10.88.0.1 mtu 1400 \n", shown);
}

TEST_F(MirrorTest, FollowsALinkThatGoesDown) {
    auto mirror = Mirror::start();
    ASSERT_TRUE(mirror.ok());
    on_host("link set eth2 down");
    follow_change(mirror.value());
    EXPECT_FALSE(contains(in_stack("route show"), "10.88.0.0"));
}

TEST_F(MirrorTest, FollowsAChangedMtu) {
    auto mirror = Mirror::start();
    ASSERT_TRUE(mirror.ok());
    on_host("link set eth1 mtu 9000");
    follow_change(mirror.value());
    EXPECT_TRUE(contains(in_stack("link show alp0"), "mtu 9000"));
    EXPECT_TRUE(contains(in_stack("route show 10.88.0.0/24"), "mtu 1400"));
}

}  // namespace
}  // namespace alp::wire
