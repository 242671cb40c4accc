// SPDX-License-Identifier: GPL-2.0
#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace alp {
namespace {

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFdTest, ClosesAtTheEndOfItsScope) {
    const int fd = open_null();
    {
        const UniqueFd owner(fd);
        EXPECT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFdTest, MoveLeavesOneOwner) {
    UniqueFd first(open_null());
    const int fd = first.get();
    const UniqueFd second(std::move(first));
    EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): what is left behind is what is tested
    EXPECT_EQ(second.get(), fd);
    EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFdTest, MoveAssignmentClosesWhatWasHeld) {
    UniqueFd target(open_null());
    const int old = target.get();
    UniqueFd source(open_null());
    target = std::move(source);
    EXPECT_FALSE(is_open(old));
    EXPECT_TRUE(is_open(target.get()));
}

TEST(UniqueFdTest, ReleaseGivesUpOwnership) {
    UniqueFd owner(open_null());
    const int fd = owner.release();
    EXPECT_FALSE(owner.valid());
    EXPECT_TRUE(is_open(fd));
    ::close(fd);
}

TEST(UniqueFdTest, DefaultOwnsNothing) { EXPECT_FALSE(UniqueFd().valid()); }

}  // namespace
}  // namespace alp
