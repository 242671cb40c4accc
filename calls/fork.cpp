// SPDX-License-Identifier: GPL-2.0
// Theory of operation
//
// The arena is not shared with children yet: after fork() the child keeps the host's half of every stack socket
// (so descriptors stay taken and close() works), but its calls on them answer ENOTCONN. The child closes its
// copies of Alpine's own descriptors: the daemon takes the end of the connection for the end of the process, and
// a TUN queue held open here would keep the parent's device alive.
//
// vfork(), posix_spawn(), system() and popen() run code on our memory in another process: see is_foreign_process().
#include "calls/fork.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <atomic>

#include "base/raw_syscall.h"
#include "calls/claims.h"
#include "calls/descriptors.h"
#include "calls/explain.h"
#include "calls/heap.h"
#include "calls/passing.h"
#include "calls/rings.h"
#include "calls/sites.h"
#include "calls/startup.h"
#include "stack/host/stack.h"

namespace alp::calls {

namespace {

std::atomic<long> own_pid{0};
bool stack_stayed_with_parent;
bool said_so;

void in_child() {
    own_pid.store(raw_syscall(SYS_getpid));
    if (stack::running()) {
        stack_stayed_with_parent = true;
        stack::after_fork_in_child();
    }
    if (has_own_heap()) {
        reset_heap_after_fork();
    }
    reset_descriptors_after_fork();
    reset_claims_after_fork();
    reset_signals_after_fork();
    reset_epoll_after_fork();
    reset_passing_after_fork();
    reset_rings_after_fork();
    reset_sites_after_fork();
    reset_explanation_after_fork();
    reset_startup_after_fork();
    thread_state.registered = false;
}

[[gnu::constructor]] void watch_forks() {
    own_pid.store(raw_syscall(SYS_getpid));
    pthread_atfork(nullptr, nullptr, in_child);
}

}  // namespace

bool is_foreign_process() {
    const long known = own_pid.load(std::memory_order_relaxed);
    return known != 0 && raw_syscall(SYS_getpid) != known;
}

bool lost_stack() { return stack_stayed_with_parent; }

void explain_lost_stack() {
    if (!stack_stayed_with_parent) {
        return;
    }
    static_cast<void>(refuse(0, "a forked child cannot yet share its parent's stack"));
    if (said_so) {
        return;
    }
    said_so = true;
    static constexpr char kText[] = "alpine: a forked child cannot yet share its parent's stack\n";
    raw_syscall(SYS_write, STDERR_FILENO, arg(kText), sizeof(kText) - 1);
}

}  // namespace alp::calls
