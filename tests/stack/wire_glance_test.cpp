// SPDX-License-Identifier: GPL-2.0
#include "stack/host/wire_glance.h"

#include <gtest/gtest.h>

namespace alp::stack {
namespace {

/// Of so many waits, in how many a look was due; each finds something or not.
int looks(WireGlance& glance, int waits, bool found) {
    int count = 0;
    for (int i = 0; i < waits; ++i) {
        if (glance.is_due()) {
            ++count;
            glance.note(found);
        }
    }
    return count;
}

TEST(WireGlanceTest, LooksBeforeEachWaitAsLongAsItFindsSomething) {
    WireGlance glance(32);
    EXPECT_EQ(looks(glance, 1000, true), 1000);
}

TEST(WireGlanceTest, SeldomLooksWhereThereWasNothing) {
    WireGlance glance(32);
    looks(glance, 10, false);
    const int count = looks(glance, 1000, false);
    EXPECT_GT(count, 10);
    EXPECT_LT(count, 100);
}

TEST(WireGlanceTest, OneThatFoundSomethingIsFollowedByAnother) {
    WireGlance glance(32);
    looks(glance, 100, false);
    EXPECT_LT(looks(glance, 100, true), 100);
    EXPECT_EQ(looks(glance, 100, true), 100);
}

}  // namespace
}  // namespace alp::stack
