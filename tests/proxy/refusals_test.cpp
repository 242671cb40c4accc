// SPDX-License-Identifier: GPL-2.0
// What alpined remembers of its refusals.
#include "proxy/refusals.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace alp::proxy {
namespace {

constexpr uid_t user = 1234;
constexpr uid_t other_user = 1235;

ucred process(pid_t pid, uid_t uid = user) { return {pid, uid, 0}; }

std::vector<Refusal> seen_by(const Refusals& refusals, uid_t viewer) {
    std::vector<Refusal> seen;
    for (const Refusal* next = refusals.next(0, viewer); next != nullptr;
         next = refusals.next(seen.back().number, viewer)) {
        seen.push_back(*next);
    }
    return seen;
}

TEST(Refusals, AreCountedByProcessAndReason) {
    Refusals refusals;
    refusals.add(process(7), "curl", Error{EPERM, "first"});
    refusals.add(process(8), "nginx", Error{EPERM, "another process"});
    refusals.add(process(7), "curl", Error{EINVAL, "another reason"});
    refusals.add(process(7), "curl", Error{EPERM, "last"});
    const auto seen = seen_by(refusals, user);
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[0].pid, 7);
    EXPECT_EQ(seen[0].error, EPERM);
    EXPECT_EQ(seen[0].count, 2U);
    EXPECT_EQ(seen[0].last_line, "last");
    EXPECT_EQ(seen[1].pid, 8);
    EXPECT_EQ(seen[1].comm, "nginx");
    EXPECT_EQ(seen[2].error, EINVAL);
    EXPECT_EQ(refusals.total(), 4U);
}

TEST(Refusals, AreSeenByTheirUserAndRoot) {
    Refusals refusals;
    refusals.add(process(7), "", Error{EPERM, "no"});
    EXPECT_EQ(seen_by(refusals, other_user).size(), 0U);
    EXPECT_EQ(seen_by(refusals, 0).size(), 1U);
}

TEST(Refusals, OfOneUserAreKeptWhileHeMeetsThemAndPushOutNobodyElses) {
    Refusals refusals;
    constexpr pid_t busy = 1;
    refusals.add(process(1, other_user), "", Error{EPERM, "kept"});
    for (pid_t pid = 1; pid <= 1000; ++pid) {
        refusals.add(process(pid), "", Error{EPERM, "no"});
        refusals.add(process(busy), "", Error{EPERM, "again"});
    }
    const auto seen = seen_by(refusals, user);
    ASSERT_EQ(seen.size(), Refusals::kMostOfOneUser);
    EXPECT_EQ(seen.front().pid, busy);
    EXPECT_EQ(seen.back().pid, 1000);
    EXPECT_EQ(seen_by(refusals, other_user).size(), 1U);
    EXPECT_EQ(refusals.total(), 2001U);
}

}  // namespace
}  // namespace alp::proxy
