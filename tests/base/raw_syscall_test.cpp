// SPDX-License-Identifier: GPL-2.0
#include "base/raw_syscall.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace alp {
namespace {

TEST(RawSyscallTest, ReturnsTheValue) { EXPECT_EQ(raw_syscall(SYS_getpid), ::getpid()); }

TEST(RawSyscallTest, ReturnsNegativeErrnoAndLeavesErrnoAlone) {
    errno = 0;
    EXPECT_EQ(raw_syscall(SYS_close, -1), -EBADF);
    EXPECT_EQ(errno, 0);
}

TEST(RawSyscallTest, PassesPointers) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(raw_syscall(SYS_pipe2, arg(ends), O_CLOEXEC), 0);
    EXPECT_EQ(raw_syscall(SYS_write, ends[1], arg("abc"), 3), 3);
    char got[4] = {};
    EXPECT_EQ(raw_syscall(SYS_read, ends[0], arg(got), sizeof got), 3);
    EXPECT_STREQ(got, "abc");
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(RawSyscallTest, PassesAllSixArguments) {
    constexpr long len_bytes = 4096;
    const long where = raw_syscall(SYS_mmap, 0, len_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_GT(where, 0);
    EXPECT_EQ(raw_syscall(SYS_munmap, where, len_bytes), 0);
}

}  // namespace
}  // namespace alp
