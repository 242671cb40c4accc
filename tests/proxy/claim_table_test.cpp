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
    Result<void> set(const alpine_flow_key& key, unsigned ifindex) override {
        if (flows.size() == capacity) {
            return Error{ENOSPC, "full"};
        }
        flows[key] = ifindex;
        return {};
    }
    void erase(const alpine_flow_key& key) override { flows.erase(key); }

    std::map<alpine_flow_key, unsigned, KeyLess> flows;
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

TEST(Endpoint, IsDescribedAsPeopleWriteIt) {
    EXPECT_EQ(describe(endpoint("10.0.0.1", 80)), "sctp 10.0.0.1:80");
    EXPECT_EQ(describe(endpoint("fd00::1", 80)), "sctp [fd00::1]:80");
    EXPECT_EQ(describe(endpoint("::", 80, ALPINE_ENDPOINT_DUAL)), "sctp *:80");
}

}  // namespace
}  // namespace alp::proxy
