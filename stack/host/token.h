// SPDX-License-Identifier: GPL-2.0
// The CPU token: who holds it may resume the stack.
//
// A futex word in the arena: two bits of state and, above them, a count of handovers. A handover gives the token
// away without ever freeing it; it changes the word so that a thread which is just going to sleep on it notices.
#pragma once

#include <cstdint>

#include "stack/host/futex.h"

namespace alp::stack {

class Token {
public:
    constexpr explicit Token(std::uint32_t* word) : word_(word) {}

    bool try_lock() {
        std::uint32_t seen = __atomic_load_n(word_, __ATOMIC_RELAXED);
        return (seen & kState) == kFree && take(seen, kHeld);
    }

    /// Waits until the token is free, or until `*turn` has one of the bits of `mine`, which means that it was handed
    /// to this thread. True: locked here; false: it is this thread's turn. Pass a null `turn` to wait for the first
    /// only.
    bool lock_unless(const std::uint32_t* turn, std::uint32_t mine) {
        if (try_lock()) {
            return true;
        }
        bool slept = false;
        for (int spins = 0;; ++spins) {
            if (turn != nullptr && (__atomic_load_n(turn, __ATOMIC_SEQ_CST) & mine) != 0) {
                if (slept) {
                    futex_wake(word_, 1);  // the wake-up that brought us here was perhaps another's chance to lock
                }
                return false;
            }
            std::uint32_t seen = __atomic_load_n(word_, __ATOMIC_RELAXED);
            if ((seen & kState) == kFree) {
                // Others may wait as well: the lock is taken as contended once anyone has slept.
                if (take(seen, spins < kSpins ? kHeld : kContended)) {
                    return true;
                }
                continue;
            }
            if (spins < kSpins) {
                __builtin_ia32_pause();
                continue;
            }
            if ((seen & kState) == kHeld) {
                const std::uint32_t marked = (seen & ~kState) | kContended;
                if (!__atomic_compare_exchange_n(word_, &seen, marked, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
                    continue;
                }
                seen = marked;
            }
            if (turn != nullptr && (__atomic_load_n(turn, __ATOMIC_SEQ_CST) & mine) != 0) {
                continue;
            }
            futex_wait(word_, seen);
            slept = true;
        }
    }

    void lock() { lock_unless(nullptr, 0); }

    void unlock() {
        const std::uint32_t before = __atomic_fetch_and(word_, ~kState, __ATOMIC_SEQ_CST);
        if ((before & kState) == kContended) {
            futex_wake(word_, 1);
        }
    }

    /// The token now belongs to a thread that has been told so by its turn word. `wake`: it may be asleep on the token.
    void hand_over(bool wake) {
        __atomic_fetch_add(word_, kHandover, __ATOMIC_SEQ_CST);
        if (wake) {
            futex_wake(word_, kEverybody);
        }
    }

private:
    static constexpr std::uint32_t kState = 3;
    static constexpr std::uint32_t kFree = 0;
    static constexpr std::uint32_t kHeld = 1;
    static constexpr std::uint32_t kContended = 2;
    static constexpr std::uint32_t kHandover = 4;
    static constexpr int kEverybody = 0x7fffffff;
    static constexpr int kSpins = 200;  // a stack call takes about as long

    bool take(std::uint32_t seen, std::uint32_t state) {
        return __atomic_compare_exchange_n(word_, &seen, (seen & ~kState) | state, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_RELAXED);
    }

    std::uint32_t* word_;
};

}  // namespace alp::stack
