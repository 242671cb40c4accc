// SPDX-License-Identifier: GPL-2.0
#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace alp {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) {
        return Error{EDOM, "half of " + std::to_string(number)};
    }
    return number / 2;
}

TEST(ResultTest, HoldsTheValueOnSuccess) {
    const auto result = half(6);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result.value(), 3);
}

TEST(ResultTest, HoldsTheErrorOnFailure) {
    const auto result = half(7);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, EDOM);
    EXPECT_EQ(result.error().context, "half of 7");
}

TEST(ResultTest, MessageJoinsContextAndErrnoText) {
    EXPECT_EQ((Error{ENOENT, "open x"}.message()), "open x: No such file or directory");
}

TEST(ResultTest, MessageOfAnUnknownErrnoSaysSo) { EXPECT_EQ((Error{99999, "call"}.message()), "call: unknown error"); }

TEST(ResultTest, ErrnoAndIntAreNotConfused) {
    const Result<int> zero = 0;
    EXPECT_TRUE(zero.ok());
}

TEST(ResultTest, MovesAMoveOnlyValueOut) {
    Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
    const std::unique_ptr<int> taken = std::move(result).value();
    EXPECT_EQ(*taken, 5);
}

TEST(ResultTest, VoidIsSuccessUnlessGivenAnError) {
    EXPECT_TRUE(Result<void>().ok());
    const Result<void> failed = Error{EPERM, "no"};
    EXPECT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code, EPERM);
}

}  // namespace
}  // namespace alp
