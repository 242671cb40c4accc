// SPDX-License-Identifier: GPL-2.0
// The boundary between the program and the stack: every call of the program that enters the stack enters here.
//
// Theory of operation
//
// stack::call() runs the call on the thread's own task, on a stack in the arena. No handler of the program may run
// there, so a signal that comes meanwhile is put off (signals.cpp) and the call is told to end as if interrupted.
// Back on this side the handlers run, and what the kernel would do on its way back to user mode is done here:
// the call is restarted or answers EINTR, by its restart code and by SA_RESTART. And while the process exits, a
// thread that comes back from the stack stays here: the sockets were closed under it, which no program shall see.
#pragma once

#include "calls/thread_state.h"
#include "stack/host/stack.h"

namespace alp::calls {

// The kernel's restart codes (include/linux/errno.h); never seen by a program.
inline constexpr long kRestartSys = -512;
inline constexpr long kRestartNoIntr = -513;
inline constexpr long kRestartNoHandler = -514;
inline constexpr long kRestartBlock = -516;

inline bool is_restart_code(long result) { return result <= kRestartSys && result >= kRestartBlock; }

/// Set once the process has begun to exit.
extern bool exiting;

/// First stack call of this thread: arranges for stack::thread_exit() at its end.
void register_thread();

/// After a call that did not simply succeed: runs what waited for it. True when the call is to be made again;
/// otherwise `result` is what the program gets.
bool settle(long& result);

/// Holds a thread for ever that came out of the stack while another one ends the process.
void hold_while_exiting();

/// One call of the program on the stack, restarted as the kernel would. Value or negative errno.
inline long stack_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
    if (__builtin_expect(!thread_state.registered, 0)) {
        register_thread();
    }
    thread_state.verdict = Verdict::stack;
    for (;;) {
        long result = stack::call(number, a, b, c, d, e, f);
        const bool plain = result > kRestartSys && thread_state.deferred == 0 && !exiting && !thread_state.cancelled;
        if (__builtin_expect(plain && result != -ENOTCONN, 1) || !settle(result)) {
            return result;
        }
    }
}

/// The same for a call that may block: also a cancellation point.
long stack_call_cancellable(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0);

/// What comes before a wait that makes its stack calls itself: registers the thread; a cancellation point.
void begin_wait();

/// The cancellation points within such a wait: after each of its stack calls.
void check_cancelled();

/// A wait inside a call that restarts after SA_RESTART handlers though poll(2), with which it is done, does not.
long stack_wait_restartable(long number, long a, long b, long c);

}  // namespace alp::calls
