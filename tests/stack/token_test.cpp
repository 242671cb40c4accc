// SPDX-License-Identifier: GPL-2.0
// The token by itself: words of this process, and threads that want them.
#include "stack/host/token.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace alp::stack {
namespace {

std::uint32_t own_id() { return static_cast<std::uint32_t>(syscall(SYS_gettid)); }

template <typename Condition>
void wait_until(Condition condition) {
    while (!condition()) {
        usleep(100);
    }
}

// A thread that waits for a token which is on its way to it, for so long that it is to be let in before all others, has
// been let in once it is given the token. Else nobody else would ever get it again.
TEST(Token, GivenToOneWhoHasWaitedForTooLongIsOpenToAllAfterwards) {
    std::uint32_t word = 0;
    std::uint32_t starved = 0;
    Token token(&word, &starved);
    token.lock(own_id());

    std::atomic<std::uint32_t> waiter_id{0};
    std::thread waiter([&] {
        waiter_id = own_id();
        EXPECT_FALSE(token.lock_unless(nullptr, 0, waiter_id)) << "given, not found free";
        token.unlock();
    });
    wait_until([&] { return (__atomic_load_n(&word, __ATOMIC_SEQ_CST) & FUTEX_WAITERS) != 0; });
    wait_until([&] {  // woken for nothing until it has waited for too long
        usleep(1000);
        futex_wake(&word, 1);
        return __atomic_load_n(&starved, __ATOMIC_SEQ_CST) != 0;
    });
    EXPECT_EQ(starved, waiter_id);
    constexpr std::uint32_t kAsleep = 1;
    token.hand_over(waiter_id, &kAsleep);
    waiter.join();

    EXPECT_TRUE(token.try_lock(own_id()));
}

}  // namespace
}  // namespace alp::stack
