// SPDX-License-Identifier: GPL-2.0
#include "cli/environment.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

namespace alp::cli {
namespace {

const Install kInstall{"/opt/alpine/lib"};

TEST(RunEnvironmentTest, NamesImageAndLibraryByAbsolutePath) {
    ::unsetenv("LD_PRELOAD");
    const auto variables = run_environment(kInstall, {});
    ASSERT_TRUE(variables.ok());
    EXPECT_EQ(variables.value().at("ALPINE_STACK"), "/opt/alpine/lib/alpine/stack-linux-6.12.so");
    EXPECT_EQ(variables.value().at("LD_PRELOAD"), "/opt/alpine/lib/libalpine.so");
}

TEST(RunEnvironmentTest, KeepsWhatWasPreloadedBehindAlpine) {
    ::setenv("LD_PRELOAD", "/lib/other.so", 1);
    const auto variables = run_environment(kInstall, {});
    ::unsetenv("LD_PRELOAD");
    ASSERT_TRUE(variables.ok());
    EXPECT_EQ(variables.value().at("LD_PRELOAD"), "/opt/alpine/lib/libalpine.so:/lib/other.so");
}

TEST(RunEnvironmentTest, JoinsSysctlsInTheOrderGiven) {
    RunOptions options;
    options.sysctls = {"net.ipv4.tcp_congestion_control=bbr", "net.ipv4.tcp_rmem=4096 131072 6291456"};
    const auto variables = run_environment(kInstall, options);
    ASSERT_TRUE(variables.ok());
    EXPECT_EQ(variables.value().at("ALPINE_SYSCTL"),
              "net.ipv4.tcp_congestion_control=bbr;net.ipv4.tcp_rmem=4096 131072 6291456");
}

TEST(RunEnvironmentTest, RefusesASysctlWithoutAValue) {
    RunOptions options;
    options.sysctls = {"net.ipv4.ip_forward"};
    const auto variables = run_environment(kInstall, options);
    ASSERT_FALSE(variables.ok());
    EXPECT_EQ(variables.error().code, EINVAL);
}

TEST(RunEnvironmentTest, RefusesASysctlThatWouldBeReadAsTwo) {
    RunOptions options;
    options.sysctls = {"net.core.a=1;net.core.b=2"};
    EXPECT_FALSE(run_environment(kInstall, options).ok());
}

TEST(RunEnvironmentTest, RefusesMemoryTheStackCannotBootIn) {
    RunOptions options;
    options.memory = "1024";
    EXPECT_FALSE(run_environment(kInstall, options).ok());
    options.memory = std::to_string(64 << 20);
    ASSERT_TRUE(run_environment(kInstall, options).ok());
    EXPECT_EQ(run_environment(kInstall, options).value().at("ALPINE_MEMORY"), "67108864");
}

TEST(RunEnvironmentTest, PassesOnABusyPoll) {
    RunOptions options;
    EXPECT_FALSE(run_environment(kInstall, options).value().contains("ALPINE_BUSY_POLL"));
    options.busy_poll_us = 50;
    EXPECT_EQ(run_environment(kInstall, options).value().at("ALPINE_BUSY_POLL"), "50");
}

TEST(RunEnvironmentTest, AStackWithASlashIsAPath) {
    EXPECT_EQ(kInstall.stack_image("/tmp/mine.so"), "/tmp/mine.so");
    EXPECT_EQ(kInstall.stack_image("linux-6.1"), "/opt/alpine/lib/alpine/stack-linux-6.1.so");
}

}  // namespace
}  // namespace alp::cli
