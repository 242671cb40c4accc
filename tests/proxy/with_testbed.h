// SPDX-License-Identifier: GPL-2.0
// Tests that share one testbed, as long as their suite lasts; without root they are skipped.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>

#include "tests/proxy/testbed.h"

namespace alp::test {

/// A suite's own SetUp() calls this one's and does nothing more if IsSkipped().
class WithTestbed : public testing::Test {
protected:
    static void SetUpTestSuite() {
        if (geteuid() == 0) {
            testbed = std::make_unique<Testbed>();
        }
    }
    static void TearDownTestSuite() { testbed.reset(); }
    void SetUp() override {
        if (testbed == nullptr) {
            GTEST_SKIP() << "needs root";
        }
    }

    static inline std::unique_ptr<Testbed> testbed;
};

}  // namespace alp::test
