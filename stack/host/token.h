// SPDX-License-Identifier: GPL-2.0
// The CPU token: who holds it may resume the stack.
//
// A futex word in the arena, laid out as the host's kernel has it for robust futexes: the id of the thread that holds
// it, a bit that others wait, and a bit that its holder died. The kernel sets the latter when a thread dies that has
// named the token in its robust list (robust.h), and wakes one who waits. Should it not (a handover to a thread that is
// just past looking), whoever waits finds out after a while by itself.
//
// A handover gives the token away without ever freeing it.
//
// Who finds the token free takes it, even if others wait: a thread that is awake costs nothing to let in. A thread that
// has waited for kStarvedNs is let in before all that come.
#pragma once

#include <errno.h>

#include <cstdint>

#include "base/thread_death.h"
#include "stack/host/clock.h"
#include "stack/host/futex.h"

namespace alp::stack {

class Token {
public:
    /// `starved`: a word beside it, in memory that the same processes share.
    constexpr Token(std::uint32_t* word, std::uint32_t* starved) : word_(word), starved_(starved) {}

    /// `self`: the calling thread's id. With the token, ask holder_died().
    bool try_lock(std::uint32_t self) {
        std::uint32_t seen = __atomic_load_n(word_, __ATOMIC_RELAXED);
        return is_free(seen) && may_enter(self) && take(seen, self);
    }

    /// Waits until the token is free, or until `*turn` has one of the bits of `mine`. True: locked here; false: it is
    /// this thread's turn, and it has been or will be given the token. With a null `turn`: until it is free, or has
    /// been handed over to this thread; then false.
    bool lock_unless(const std::uint32_t* turn, std::uint32_t mine, std::uint32_t self) {
        if (try_lock(self)) {
            return true;
        }
        bool slept = false;
        std::uint64_t since_ns = 0;
        for (int spins = 0;; ++spins) {
            if (turn != nullptr && (__atomic_load_n(turn, __ATOMIC_SEQ_CST) & mine) != 0) {
                feed(self);
                if (slept) {
                    futex_wake(word_, 1);  // the wake-up that brought us here was perhaps another's chance to lock
                }
                return false;
            }
            std::uint32_t seen = __atomic_load_n(word_, __ATOMIC_RELAXED);
            if (is_free(seen) && may_enter(self)) {
                // Others may wait as well: the lock is taken as contended once anyone has slept.
                if (take(seen, spins < kSpins ? self : self | kWaiters)) {
                    if (slept) {
                        feed(self);
                    }
                    return true;
                }
                continue;
            }
            if (turn == nullptr && (seen & kThread) == self) {
                feed(self);
                return false;
            }
            if (spins < kSpins) {
                __builtin_ia32_pause();
                continue;
            }
            if ((seen & kWaiters) == 0) {
                if (!swap(seen, seen | kWaiters)) {
                    continue;
                }
                seen |= kWaiters;
            }
            if (turn != nullptr && (__atomic_load_n(turn, __ATOMIC_SEQ_CST) & mine) != 0) {
                continue;
            }
            if (!slept) {
                since_ns = monotonic_ns();
            } else if (monotonic_ns() > since_ns + kStarvedNs) {
                std::uint32_t nobody = 0;
                __atomic_compare_exchange_n(starved_, &nobody, self, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
            }
            sleep(seen);
            slept = true;
        }
    }

    void lock(std::uint32_t self) { lock_unless(nullptr, 0, self); }

    void unlock() {
        if ((__atomic_exchange_n(word_, 0, __ATOMIC_SEQ_CST) & kWaiters) != 0) {
            futex_wake(word_, __atomic_load_n(starved_, __ATOMIC_RELAXED) != 0 ? kEverybody : 1);
        }
    }

    /// The token now belongs to thread `next`, which has been told so by its turn word. `*asleep`: it may be asleep on
    /// the token.
    void hand_over(std::uint32_t next, const std::uint32_t* asleep) {
        std::uint32_t seen = __atomic_load_n(word_, __ATOMIC_RELAXED);
        while (!swap(seen, next | (seen & kWaiters))) {
        }
        if (__atomic_load_n(asleep, __ATOMIC_SEQ_CST) != 0) {
            futex_wake(word_, kEverybody);
        }
    }

    [[nodiscard]] bool is_held_by(std::uint32_t thread) const {
        return (__atomic_load_n(word_, __ATOMIC_RELAXED) & kThread) == thread;
    }

    /// With the token: did the one before die with it?
    [[nodiscard]] bool holder_died() const { return (__atomic_load_n(word_, __ATOMIC_RELAXED) & kDied) != 0; }

    /// With the token: what the dead one left is in order.
    void recovered() { __atomic_fetch_and(word_, ~kDied, __ATOMIC_SEQ_CST); }

private:
    static constexpr std::uint32_t kWaiters = FUTEX_WAITERS;
    static constexpr std::uint32_t kDied = FUTEX_OWNER_DIED;
    static constexpr std::uint32_t kThread = FUTEX_TID_MASK;
    static constexpr std::uint64_t kDoubtNs = 50'000'000;  // 50 ms: then it is asked whether the holder lives
    static constexpr std::uint64_t kStarvedNs = 300'000;   // 0.3 ms
    static constexpr int kEverybody = 0x7fffffff;
    static constexpr int kSpins = 200;  // a stack call takes about as long

    static bool is_free(std::uint32_t seen) { return (seen & kThread) == 0; }

    /// The bit that the holder died stays until recovered().
    bool take(std::uint32_t seen, std::uint32_t self) { return swap(seen, self | (seen & (kDied | kWaiters))); }

    bool swap(std::uint32_t& seen, std::uint32_t wanted) {
        return __atomic_compare_exchange_n(word_, &seen, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    }

    /// Nobody has waited for too long, but perhaps `self`?
    [[nodiscard]] bool may_enter(std::uint32_t self) const {
        const std::uint32_t starved = __atomic_load_n(starved_, __ATOMIC_RELAXED);
        return starved == 0 || starved == self;
    }

    void feed(std::uint32_t self) {
        if (__atomic_load_n(starved_, __ATOMIC_RELAXED) == self) {
            __atomic_store_n(starved_, 0, __ATOMIC_SEQ_CST);
        }
    }

    /// While the word is as it was seen: held, or kept free for one who has waited for too long.
    void sleep(std::uint32_t seen) {
        const timespec doubt = to_timespec(kDoubtNs);
        if (futex_wait(word_, seen, &doubt) != -ETIMEDOUT) {
            return;
        }
        if (!is_free(seen) && is_dead(seen & kThread)) {
            bury(seen);
        }
        std::uint32_t starved = __atomic_load_n(starved_, __ATOMIC_RELAXED);
        if (starved != 0 && is_dead(starved)) {
            __atomic_compare_exchange_n(starved_, &starved, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
        }
    }

    /// What the host's kernel does for a thread that dies with the token.
    void bury(std::uint32_t seen) { swap(seen, (seen & kWaiters) | kDied); }

    std::uint32_t* word_;
    std::uint32_t* starved_;
};

}  // namespace alp::stack
