// SPDX-License-Identifier: GPL-2.0
// A thread's robust list (set_robust_list(2)) and the token: how the host's kernel learns that a thread which dies had
// the token, and says so in its word.
//
// The list has a place for one lock "pending", meant for the moment between taking a lock and listing it. libc uses it
// only while it takes or gives a robust mutex, so a thread inside a stack call can have the token there all the time.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>

#include <cstdint>

#include "base/raw_syscall.h"

namespace alp::stack {

class RobustList {
public:
    /// The calling thread's, from now on.
    void find() {
        std::uint64_t len = 0;
        raw_syscall(SYS_get_robust_list, 0, arg(&head_), arg(&len));
        if (head_ == nullptr) {
            own_.list.next = &own_.list;
            raw_syscall(SYS_set_robust_list, arg(&own_), sizeof(own_));
            head_ = &own_;
        }
    }

    /// In a forked child, for its one thread, whose list the kernel has forgotten. libc tells the kernel of its own
    /// list later, after the fork: the same that the parent's thread had.
    void find_in_child() {
        if (head_ != nullptr && head_ != &own_) {
            raw_syscall(SYS_set_robust_list, arg(head_), sizeof(*head_));
        }
    }

    /// Names the token before it is asked for, until disarm(). Async-signal-safe.
    void arm(std::uint32_t* word) {
        before_ = head_->list_op_pending;
        __atomic_store_n(&head_->list_op_pending,
                         reinterpret_cast<robust_list*>(reinterpret_cast<char*>(word) - head_->futex_offset),
                         __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    }

    void disarm() {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        __atomic_store_n(&head_->list_op_pending, before_, __ATOMIC_RELAXED);
    }

private:
    robust_list_head* head_ = nullptr;
    robust_list* before_ = nullptr;
    robust_list_head own_{};
};

}  // namespace alp::stack
