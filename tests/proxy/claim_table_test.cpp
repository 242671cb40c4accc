// SPDX-License-Identifier: GPL-2.0
#include "proxy/claim_table.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/proxy/packets.h"

namespace alp::proxy {
namespace {

/// What would be in the eBPF map.
class RecordedFlows final : public FlowMap {
public:
    Result<void> set(const alpine_flow_key& key, const alpine_flow_owner& owner) override {
        if (flows.size() == capacity) {
            return Error{ENOSPC, "full"};
        }
        flows[key] = owner.ifindex;
        sole[key] = owner;
        return {};
    }
    Result<void> share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) override {
        shares[key] = owners;
        return set(key, {ALPINE_SHARED_FLOW, 0, 0, 0});
    }
    void erase(const alpine_flow_key& key) override { flows.erase(key); }

    /// "11+ 22-": who shares it, and who accepts.
    std::string sharers(const alpine_flow_key& key) {
        std::string text;
        for (const auto& member : shares[key]) {
            text += std::to_string(member.ifindex) + (member.accepts != 0 ? "+ " : "- ");
        }
        return text;
    }

    std::map<alpine_flow_key, unsigned, KeyLess> flows;
    std::map<alpine_flow_key, alpine_flow_owner, KeyLess> sole;
    std::map<alpine_flow_key, std::vector<alpine_flow_owner>, KeyLess> shares;
    std::size_t capacity = 100;
};

alpine_endpoint endpoint(const std::string& address, std::uint16_t port, unsigned flags = 0) {
    return {make_key(IPPROTO_SCTP, test::mapped_address(address), htons(port)), flags};
}

constexpr unsigned one = 11;
constexpr unsigned two = 22;

struct ClaimTableTest : testing::Test {
    int claim_error(unsigned ifindex, const alpine_endpoint& wanted) {
        const auto claimed = table.claim(ifindex, wanted, UniqueFd());
        return claimed.ok() ? 0 : claimed.error().code;
    }

    RecordedFlows flows;
    ClaimTable table{flows};
};

TEST_F(ClaimTableTest, ADualStackWildcardIsTwoFlows) {
    EXPECT_EQ(claim_error(one, endpoint("::", 80, ALPINE_ENDPOINT_DUAL)), 0);
    EXPECT_EQ(flows.flows.size(), 2U);
    EXPECT_TRUE(flows.flows.contains(endpoint("0.0.0.0", 80).key));
    EXPECT_TRUE(table.release(one, endpoint("::", 80, ALPINE_ENDPOINT_DUAL)).ok());
    EXPECT_TRUE(flows.flows.empty());
}

TEST_F(ClaimTableTest, ADualStackClaimIsAllOrNothing) {
    ASSERT_EQ(claim_error(two, endpoint("0.0.0.0", 80)), 0);
    EXPECT_EQ(claim_error(one, endpoint("::", 80, ALPINE_ENDPOINT_DUAL)), EADDRINUSE);
    EXPECT_EQ(flows.flows.size(), 1U);
}

TEST_F(ClaimTableTest, AFullMapLeavesNoHalfClaim) {
    flows.capacity = 1;
    EXPECT_EQ(claim_error(one, endpoint("::", 80, ALPINE_ENDPOINT_DUAL)), ENOSPC);
    EXPECT_TRUE(flows.flows.empty());
    EXPECT_EQ(table.size(), 0U);
}

TEST_F(ClaimTableTest, AFlowEndsWithItsLastClaim) {
    ASSERT_EQ(claim_error(one, endpoint("10.0.0.1", 80)), 0);
    ASSERT_EQ(claim_error(one, endpoint("10.0.0.1", 80)), 0);
    EXPECT_TRUE(table.release(one, endpoint("10.0.0.1", 80)).ok());
    EXPECT_EQ(flows.flows.size(), 1U);
    EXPECT_TRUE(table.release(one, endpoint("10.0.0.1", 80)).ok());
    EXPECT_TRUE(flows.flows.empty());
}

TEST_F(ClaimTableTest, NobodyReleasesWhatAnotherHolds) {
    ASSERT_EQ(claim_error(one, endpoint("10.0.0.1", 80)), 0);
    EXPECT_FALSE(table.release(two, endpoint("10.0.0.1", 80)).ok());
    EXPECT_EQ(flows.flows.size(), 1U);
}

TEST_F(ClaimTableTest, AStacksEndTakesAllItsClaims) {
    ASSERT_EQ(claim_error(one, endpoint("10.0.0.1", 80)), 0);
    ASSERT_EQ(claim_error(one, endpoint("::", 81, ALPINE_ENDPOINT_DUAL)), 0);
    ASSERT_EQ(claim_error(two, endpoint("10.0.0.1", 82)), 0);
    table.release_all(one);
    EXPECT_EQ(flows.flows.size(), 1U);
    EXPECT_TRUE(table.endpoints(one).empty());
}

TEST_F(ClaimTableTest, AWildcardCollidesWithEveryAddressOfItsFamily) {
    ASSERT_EQ(claim_error(one, endpoint("0.0.0.0", 80)), 0);
    EXPECT_TRUE(table.collides(two, endpoint("10.0.0.1", 80)));
    EXPECT_TRUE(table.collides(two, endpoint("::", 80, ALPINE_ENDPOINT_DUAL)));
    EXPECT_FALSE(table.collides(two, endpoint("::", 80)));
    EXPECT_FALSE(table.collides(two, endpoint("fd00::1", 80)));
    EXPECT_FALSE(table.collides(two, endpoint("10.0.0.1", 81)));
    EXPECT_FALSE(table.collides(one, endpoint("10.0.0.1", 80)));
}

TEST_F(ClaimTableTest, DifferentAddressesDoNotCollide) {
    ASSERT_EQ(claim_error(one, endpoint("10.0.0.1", 80)), 0);
    EXPECT_FALSE(table.collides(two, endpoint("10.0.0.2", 80)));
    EXPECT_TRUE(table.collides(two, endpoint("10.0.0.1", 80)));
}

TEST_F(ClaimTableTest, EndpointsAreListedOnce) {
    ASSERT_EQ(claim_error(one, endpoint("10.0.0.1", 80)), 0);
    ASSERT_EQ(claim_error(one, endpoint("10.0.0.1", 80)), 0);
    ASSERT_EQ(claim_error(one, endpoint("10.0.0.1", 81)), 0);
    EXPECT_EQ(table.endpoints(one).size(), 2U);
}

alpine_endpoint endpoint_of(std::uint8_t protocol) {
    return {make_key(protocol, test::mapped_address("10.0.0.1"), htons(80)), 0};
}

constexpr Sharing reuse_port{true, false, 1000};
constexpr Sharing reuse_port_of_another{true, false, 1001};
constexpr Sharing reuse_address{false, true, 1000};

struct SharedEndpoint : ClaimTableTest {
    int share_error(unsigned ifindex, std::uint8_t protocol, const Sharing& sharing) {
        const auto claimed = table.claim(ifindex, endpoint_of(protocol), UniqueFd(), sharing);
        return claimed.ok() ? 0 : claimed.error().code;
    }
    std::string sharers(std::uint8_t protocol) { return flows.sharers(endpoint_of(protocol).key); }
};

TEST_F(SharedEndpoint, ReusePortOfOneUserSharesDatagramsAtOnce) {
    ASSERT_EQ(share_error(one, IPPROTO_UDP, reuse_port), 0);
    EXPECT_EQ(share_error(two, IPPROTO_UDP, reuse_port), 0);
    EXPECT_EQ(sharers(IPPROTO_UDP), "11+ 22+ ");
    EXPECT_EQ(flows.flows[endpoint_of(IPPROTO_UDP).key], ALPINE_SHARED_FLOW);
}

TEST_F(SharedEndpoint, ConnectionsAreSharedByThoseThatListen) {
    ASSERT_EQ(share_error(one, IPPROTO_TCP, reuse_port), 0);
    EXPECT_TRUE(table.set_accepting(one, endpoint_of(IPPROTO_TCP), true).ok());
    ASSERT_EQ(share_error(two, IPPROTO_TCP, reuse_port), 0);
    EXPECT_EQ(sharers(IPPROTO_TCP), "11+ 22- ");
    EXPECT_TRUE(table.set_accepting(two, endpoint_of(IPPROTO_TCP), true).ok());
    EXPECT_TRUE(table.set_accepting(one, endpoint_of(IPPROTO_TCP), false).ok());
    EXPECT_EQ(sharers(IPPROTO_TCP), "11- 22+ ");
    EXPECT_EQ(table.set_accepting(33, endpoint_of(IPPROTO_TCP), true).error().code, ENOENT);
}

TEST_F(SharedEndpoint, NobodyElseMayJoin) {
    ASSERT_EQ(share_error(one, IPPROTO_TCP, reuse_port), 0);
    EXPECT_EQ(share_error(two, IPPROTO_TCP, reuse_port_of_another), EADDRINUSE);
    EXPECT_EQ(share_error(two, IPPROTO_TCP, Sharing{}), EADDRINUSE);
    EXPECT_EQ(share_error(two, IPPROTO_TCP, reuse_address), EADDRINUSE);
}

TEST_F(SharedEndpoint, ReuseAddressLetsDatagramSocketsListenInOnly) {
    ASSERT_EQ(share_error(one, IPPROTO_UDP, reuse_address), 0);
    EXPECT_EQ(share_error(two, IPPROTO_UDP, reuse_address), 0);
    EXPECT_EQ(sharers(IPPROTO_UDP), "11+ 22- ");
    ASSERT_EQ(share_error(one, IPPROTO_TCP, reuse_address), 0);
    EXPECT_EQ(share_error(two, IPPROTO_TCP, reuse_address), EADDRINUSE);
}

TEST_F(SharedEndpoint, AnEchoIdIsNotSharedByReuseAddress) {
    ASSERT_EQ(share_error(one, IPPROTO_ICMP, reuse_address), 0);
    EXPECT_EQ(share_error(two, IPPROTO_ICMP, reuse_address), EADDRINUSE);
}

TEST_F(SharedEndpoint, WhatSocketsAllowIsWrittenDown) {
    ASSERT_EQ(share_error(one, IPPROTO_UDP, {true, true, 1000}), 0);
    EXPECT_EQ(flows.sole[endpoint_of(IPPROTO_UDP).key].sharing, ALPINE_SHARING_PORT | ALPINE_SHARING_ADDRESS);
    ASSERT_EQ(share_error(one, IPPROTO_UDP, reuse_port), 0);
    EXPECT_EQ(flows.sole[endpoint_of(IPPROTO_UDP).key].sharing, ALPINE_SHARING_PORT);
}

/// An endpoint that two stacks shared when alpined was restarted, one of which accepts.
struct AdoptedEndpoint : SharedEndpoint {
    void SetUp() override {
        table.adopt(tcp.key, {{one, true, reuse_port}, {two, false, reuse_port}},
                    [this](const alpine_endpoint&, const Sharing& sharing) {
                        holders_that_share += sharing.reuse_port ? 1 : 0;
                        return UniqueFd();
                    });
    }
    const alpine_endpoint tcp = endpoint_of(IPPROTO_TCP);
    int holders_that_share = 0;
};

TEST_F(AdoptedEndpoint, IsSharedAsBefore) {
    EXPECT_EQ(sharers(IPPROTO_TCP), "11+ 22- ");
    EXPECT_EQ(flows.flows[tcp.key], ALPINE_SHARED_FLOW);
    EXPECT_TRUE(table.owns(one, tcp) && table.owns(two, tcp) && !table.owns(33, tcp));
    EXPECT_EQ(holders_that_share, 2);
}

TEST_F(AdoptedEndpoint, LetsOthersJoinOnItsOwnersTermsOnly) {
    EXPECT_EQ(share_error(33, IPPROTO_TCP, reuse_port_of_another), EADDRINUSE);
    EXPECT_EQ(share_error(33, IPPROTO_TCP, reuse_port), 0);
    EXPECT_EQ(sharers(IPPROTO_TCP), "11+ 22- 33- ");
}

TEST_F(AdoptedEndpoint, StaysWithThoseThatClaimItAgain) {
    ASSERT_EQ(share_error(one, IPPROTO_TCP, table.sharing_of(one, tcp.key)), 0);
    EXPECT_EQ(table.settle(one), 0U);
    EXPECT_EQ(table.settle(two), 1U);
    EXPECT_EQ(flows.flows[tcp.key], one);
    EXPECT_EQ(share_error(33, IPPROTO_TCP, reuse_port), 0);
    EXPECT_EQ(sharers(IPPROTO_TCP), "11+ 33- ");
}

TEST_F(SharedEndpoint, TheLastOneHasItAlone) {
    ASSERT_EQ(share_error(one, IPPROTO_UDP, reuse_port), 0);
    ASSERT_EQ(share_error(two, IPPROTO_UDP, reuse_port), 0);
    table.release_all(one);
    EXPECT_EQ(flows.flows[endpoint_of(IPPROTO_UDP).key], two);
    table.release_all(two);
    EXPECT_TRUE(flows.flows.empty());
}

TEST_F(SharedEndpoint, OneClaimThatDoesNotShareEndsItForNewcomers) {
    ASSERT_EQ(share_error(one, IPPROTO_UDP, reuse_port), 0);
    ASSERT_EQ(share_error(one, IPPROTO_UDP, Sharing{}), 0);
    EXPECT_EQ(share_error(two, IPPROTO_UDP, reuse_port), EADDRINUSE);
}

TEST(Endpoint, IsDescribedAsPeopleWriteIt) {
    EXPECT_EQ(describe(endpoint("10.0.0.1", 80)), "sctp 10.0.0.1:80");
    EXPECT_EQ(describe(endpoint("fd00::1", 80)), "sctp [fd00::1]:80");
    EXPECT_EQ(describe(endpoint("::", 80, ALPINE_ENDPOINT_DUAL)), "sctp *:80");
}

}  // namespace
}  // namespace alp::proxy
