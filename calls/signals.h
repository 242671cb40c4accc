// SPDX-License-Identifier: GPL-2.0
// Signal handlers of the program, kept out of the stack.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <time.h>

#include <cstdint>

namespace alp::calls {

/// struct sigaction as the kernel has it (arch/x86/include/uapi/asm/signal.h).
struct KernelAction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
};

/// The scope of a wait (poll, select, epoll_wait) that goes back and forth between the host and the stack: signals
/// that come in it are put off to its end, wherever they come, and make it answer EINTR. With `mask` it also is
/// the window in which that signal mask is in force (ppoll, pselect, epoll_pwait).
class WaitWindow {
public:
    /// `mask`: as in sigprocmask(SIG_SETMASK); null leaves the thread's.
    explicit WaitWindow(const sigset_t* mask);
    WaitWindow(const WaitWindow&) = delete;
    WaitWindow& operator=(const WaitWindow&) = delete;

    /// Ends the window: handlers that waited run, the mask is put back. Returns `result`.
    long finish(long result);

    /// Did a signal come?
    [[nodiscard]] static bool interrupted();

    /// To be given to the blocking call as its timeout: a signal that comes before the call has begun makes it zero.
    timespec* limit(const timespec& value);

private:
    bool masked_ = false;
    unsigned long saved_mask_ = 0;
    timespec limit_{};
};

/// on_signal() takes its place for SIGSEGV, SIGBUS and SIGILL. Once, in this library's constructor or before.
void take_faults();

/// From now on a signal that ends the process does so only between calls of the stack: before the first fork of a
/// process with a stack, and by every process of a family.
void put_off_deaths();

/// Raises SIGPIPE on the calling thread, as the kernel does on a write to a broken connection.
void raise_sigpipe();

/// A signal mask without those that Alpine must be able to take at any time.
[[nodiscard]] std::uint64_t without_unblockable(std::uint64_t mask);

/// The thread was called out of the stack because it is cancelled (thread_state.cancelled): ends it, unless
/// cancellation is disabled or this is no cancellation point. Outside of the stack, no lock held.
void act_on_cancellation(bool at_cancellation_point);

}  // namespace alp::calls
