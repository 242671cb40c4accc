// SPDX-License-Identifier: GPL-2.0
// How much of the host one user may have.
#include "proxy/quota.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>

namespace alp::proxy {
namespace {

constexpr uid_t user = 1234;
constexpr std::uint16_t fixed_port = 1025;  // in no host's range of ephemeral ones

Policy policy_of(const std::string& text) {
    const std::string path = testing::TempDir() + "quota.toml";
    std::ofstream(path) << text;
    auto policy = Policy::load(path);
    EXPECT_TRUE(policy.ok()) << policy.error().message();
    return policy.ok() ? policy.value() : Policy();
}

int error_of(const Result<void>& result) { return result ? 0 : result.error().code; }

TEST(Quota, AUserHasNoMoreStacksThanAllowed) {
    const Policy policy = policy_of("[limits]\nstacks = 2\n");
    Quota quota(policy);
    quota.add_stack(1, user);
    EXPECT_EQ(error_of(quota.admit_stack(user)), 0);
    quota.add_stack(2, user);
    EXPECT_EQ(error_of(quota.admit_stack(user)), ENOBUFS);
    EXPECT_EQ(error_of(quota.admit_stack(user + 1)), 0);
    quota.remove_stack(1);
    EXPECT_EQ(error_of(quota.admit_stack(user)), 0);
}

TEST(Quota, PortsOfAllStacksOfAUserCountTogether) {
    const Policy policy = policy_of("[limits]\nports = 2\n");
    Quota quota(policy);
    quota.add_stack(1, user);
    quota.add_stack(2, user);
    quota.add_claim(1, fixed_port);
    EXPECT_EQ(error_of(quota.admit_claim(user, fixed_port)), 0);
    quota.add_claim(2, fixed_port);
    EXPECT_EQ(error_of(quota.admit_claim(user, fixed_port)), ENOBUFS);
    quota.remove_claim(2, fixed_port);
    EXPECT_EQ(error_of(quota.admit_claim(user, fixed_port)), 0);
}

TEST(Quota, OneUserHasHalfOfTheEphemeralPortsUnlessThePolicySaysOtherwise) {
    const PortRange range = ephemeral_range();
    const unsigned half = (range.last - range.first + 1U) / 2;
    const Policy policy;
    Quota quota(policy);
    quota.add_stack(1, user);
    for (unsigned i = 0; i < half; ++i) {
        quota.add_claim(1, static_cast<std::uint16_t>(range.first + i));
    }
    EXPECT_EQ(error_of(quota.admit_claim(user, 0)), ENOBUFS);
    EXPECT_EQ(error_of(quota.admit_claim(user, range.last)), ENOBUFS);
    EXPECT_EQ(error_of(quota.admit_claim(user, fixed_port)), 0);
    EXPECT_EQ(error_of(quota.admit_claim(user + 1, 0)), 0);
}

TEST(Quota, ClaimsInAShortTimeAreLimitedAndTimeHelps) {
    const Policy policy = policy_of("[limits]\nclaims_per_second = 10\n");
    Quota quota(policy);
    quota.add_stack(1, user);
    const auto now = Quota::Clock::now();
    int granted = 0;
    while (granted < 1000 && quota.admit_claim(user, fixed_port, now).ok()) {
        ++granted;
    }
    EXPECT_EQ(granted, 20);
    EXPECT_EQ(error_of(quota.admit_claim(user, fixed_port, now)), EAGAIN);
    EXPECT_EQ(error_of(quota.admit_claim(user, fixed_port, now + std::chrono::milliseconds(150))), 0);
}

TEST(Quota, RootHasNoLimits) {
    const Policy policy = policy_of("[limits]\nstacks = 0\nports = 0\nclaims_per_second = 0\n");
    Quota quota(policy);
    EXPECT_EQ(error_of(quota.admit_stack(0)), 0);
    EXPECT_EQ(error_of(quota.admit_claim(0, fixed_port)), 0);
    EXPECT_EQ(error_of(quota.admit_stack(user)), ENOBUFS);
}

TEST(Quota, AUserOfAnExtraSectionHasItsLimitsAndTheCommonOnesElse) {
    const Policy policy = policy_of("[limits.user.1234]\nstacks = 1\n[limits]\nports = 7\n");
    EXPECT_EQ(policy.limits(user).stacks, 1U);
    EXPECT_EQ(policy.limits(user).ports, 7U);
    EXPECT_EQ(policy.limits(user + 1).stacks, Limits().stacks);
}

TEST(Quota, AnUnknownLimitIsNamedWithItsLine) {
    const std::string path = testing::TempDir() + "quota.toml";
    std::ofstream(path) << "[limits]\nporst = 7\n";
    const auto policy = Policy::load(path);
    ASSERT_FALSE(policy.ok());
    EXPECT_NE(policy.error().context.find("quota.toml:2: unknown limit 'porst'"), std::string::npos)
        << policy.error().context;
}

}  // namespace
}  // namespace alp::proxy
