// SPDX-License-Identifier: GPL-2.0
#include "proxy/policy/policy.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace alp::proxy {
namespace {

constexpr uid_t nobody = 65534;

Result<Policy> policy_of(const std::string& toml) {
    const std::string path = testing::TempDir() + "policy-" + std::to_string(getpid()) + ".toml";
    std::ofstream(path) << toml;
    auto policy = Policy::load(path);
    unlink(path.c_str());
    return policy;
}

/// The error of a bad file, from its name on.
std::string complaint_about(const std::string& toml) {
    const auto policy = policy_of(toml);
    return policy.ok() ? "" : policy.error().context.substr(policy.error().context.find(".toml"));
}

TEST(Policy, AllowsEverybodyByDefault) {
    EXPECT_TRUE(Policy().allows_user(nobody));
    EXPECT_TRUE(policy_of("").value().allows_user(nobody));
}

TEST(Policy, AllowNamesTheOnlyOnes) {
    const auto policy = policy_of("[users]\nallow = [1234]\n");
    EXPECT_TRUE(policy.value().allows_user(1234));
    EXPECT_FALSE(policy.value().allows_user(nobody));
    EXPECT_TRUE(policy.value().allows_user(0));
}

TEST(Policy, DenyWins) {
    const auto policy = policy_of("[users]\nallow = [\"*\"]\ndeny = [\"nobody\"]\n");
    EXPECT_FALSE(policy.value().allows_user(nobody));
    EXPECT_TRUE(policy.value().allows_user(1234));
}

TEST(Policy, PrivilegedPortsAreTheHostsUnlessItSaysOtherwise) {
    EXPECT_FALSE(Policy().allows_port(nobody, 80, 1024));
    EXPECT_TRUE(Policy().allows_port(nobody, 80, 0));
    EXPECT_TRUE(Policy().allows_port(0, 80, 1024));
    EXPECT_TRUE(policy_of("[ports]\nunprivileged_from = 80\n").value().allows_port(nobody, 80, 1024));
}

TEST(Policy, AProtocolIsGrantedByNumber) {
    const auto policy = policy_of("[protocols]\n253 = [1234, \"nobody\"]\n254 = [\"*\"]\n");
    EXPECT_TRUE(policy.value().allows_protocol(1234, 253));
    EXPECT_TRUE(policy.value().allows_protocol(nobody, 253));
    EXPECT_FALSE(policy.value().allows_protocol(1235, 253));
    EXPECT_TRUE(policy.value().allows_protocol(1235, 254));
    EXPECT_FALSE(policy.value().allows_protocol(1234, 252));
    EXPECT_TRUE(policy.value().allows_protocol(0, 252));
    EXPECT_FALSE(Policy().allows_protocol(1234, 253));
}

TEST(Policy, AProtocolWithPortsIsNotGrantedAsAWhole) {
    EXPECT_EQ(complaint_about("[protocols]\n17 = [1]\n"), ".toml:2: protocol 17 is claimed by port, not as a whole");
    EXPECT_EQ(complaint_about("[protocols]\n256 = [1]\n"),
              ".toml:2: '256' is no protocol's number with a list of users");
}

TEST(Policy, MistakesAreNamedWithTheirLine) {
    EXPECT_EQ(complaint_about("[users]\nallow = \"all\"\n"),
              ".toml:2: 'allow' is no list of users (known: allow, deny)");
    EXPECT_EQ(complaint_about("\n\n[user]\n"),
              ".toml:3: unknown section 'user' (known: users, ports, protocols, limits)");
    EXPECT_EQ(complaint_about("[users]\ndeny = [\n\"no-such-user\"]\n"),
              ".toml:3: no user 'no-such-user' on this host");
    EXPECT_EQ(complaint_about("[ports]\nunprivileged_from = 70000\n"),
              ".toml:2: 'unprivileged_from': known is unprivileged_from, a port");
    EXPECT_NE(complaint_about("[users\n").find(".toml:1: "), std::string::npos);
}

TEST(Policy, AMissingFileIsAnError) { EXPECT_FALSE(Policy::load("/nonexistent/policy.toml").ok()); }

}  // namespace
}  // namespace alp::proxy
