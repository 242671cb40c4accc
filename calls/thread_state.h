// SPDX-License-Identifier: GPL-2.0
// What calls/ remembers of each thread: above all, which signals wait for it to leave the stack.
#pragma once

#include <time.h>

#include <cstdint>

namespace alp::calls {

/// Who answered a call, for `alp run --explain`.
enum class Verdict : std::uint8_t { host, stack, refused };

/// Plain data, zero at the start of a thread, reached with one instruction (the library is preloaded, so static
/// TLS is there). Written by its own thread and by signal handlers on it.
struct ThreadState {
    void* side_stack;  ///< top of a stack for calls from code that has little of its own (stubs.cpp); made when needed
    bool side_stack_used;             ///< a call is on it
    unsigned critical;                ///< depth of sections in which no handler of the program may run
    bool by_number;                   ///< the call in progress came by its number: no cancellation point
    unsigned cancellable;             ///< in a stack call that is a cancellation point
    int held_listener;                ///< one more than a number inside the stack that an accept() holds; 0: none
    bool registered;                  ///< the thread-exit hook is set
    bool cloned;                      ///< this thread began in a child that clone() started on a function
    std::uint8_t vforked;             ///< this is a vfork child, on its parent's memory; how often nested
    bool exempt_from_exit;            ///< this thread ends the process; the others are held meanwhile
    Verdict verdict;                  ///< of the call in progress
    const char* reason;               ///< of the verdict; a literal, or null: the usual one
    volatile bool must_interrupt;     ///< one of the deferred handlers was installed without SA_RESTART
    volatile bool cancelled;          ///< pthread_cancel() was called on this thread while it was in the stack
    volatile std::uint64_t deferred;  ///< signals put off: blocked in the thread's mask and sent to it again
    std::uint64_t unblockable;        ///< signals the program has blocked that Alpine needs let in (signals.cpp)
    timespec* volatile wait_limit;    ///< the timeout of a wait about to begin; a deferred signal sets it to zero
};

#define ALPINE_SIDE_STACK_OFFSET 0
#define ALPINE_SIDE_STACK_USED_OFFSET 8
#define ALPINE_SIDE_STACK_BYTES 0x40000

extern __thread ThreadState thread_state asm("alpine_thread_state")
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/// The scope of a call that does not come back if it succeeds. A vfork child makes it on its parent's memory: for the
/// parent, the side stack is free again.
class WithoutReturn {
public:
    WithoutReturn() : used_(thread_state.side_stack_used) { thread_state.side_stack_used = false; }
    ~WithoutReturn() { thread_state.side_stack_used = used_; }
    WithoutReturn(const WithoutReturn&) = delete;
    WithoutReturn& operator=(const WithoutReturn&) = delete;

private:
    bool used_;
};

/// Lets the deferred signals in, now: their handlers run before this returns.
void deliver_deferred();

inline void enter_critical() {
    thread_state.critical = thread_state.critical + 1;
    asm volatile("" ::: "memory");
}

inline void leave_critical() {
    asm volatile("" ::: "memory");
    thread_state.critical = thread_state.critical - 1;
    if (__builtin_expect(thread_state.critical == 0 && thread_state.deferred != 0, 0)) {
        deliver_deferred();
    }
}

/// A scope in which the stack is entered otherwise than by stack_call(): what was put off meanwhile comes at its end.
class Critical {
public:
    Critical() { enter_critical(); }
    ~Critical() { leave_critical(); }
    Critical(const Critical&) = delete;
    Critical& operator=(const Critical&) = delete;
};

}  // namespace alp::calls
