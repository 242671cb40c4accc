// SPDX-License-Identifier: GPL-2.0
// Theory of operation
//
// A forked child is one more process of the stack (stack/host/family.h). Its part there, with a copy of the parent's
// descriptors, is made by the stack's own fork before the host's, so whatever the parent closes right after fork() the
// child still has. On this side everything is copied by the fork itself, but for what the family shares (shared.h).
// Alpine's threads are not there in the child: its keeper is started with its first call.
//
// All ways to a new process come by the call sites of clone, fork and vfork (sites.h): fork handlers of the program may
// use sockets.
//
// A vfork() child runs on its parent's memory, thread-local storage included, while the parent's thread waits: the
// tables here describe the parent, but its descriptors are the child's own, in both kernels. It gets its own process
// inside the stack like any other, and its calls are made there; the numbers that it closes and duplicates are changed
// on the host and in the stack, and nowhere else. posix_spawn(), system() and popen() are such children.
#include "calls/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "base/forked.h"
#include "base/raw_syscall.h"
#include "calls/adopted.h"
#include "calls/claims.h"
#include "calls/descriptor_calls.h"
#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/explain.h"
#include "calls/guard.h"
#include "calls/heap.h"
#include "calls/inheritance.h"
#include "calls/libc.h"
#include "calls/lock.h"
#include "calls/passing.h"
#include "calls/rings.h"
#include "calls/signals.h"
#include "calls/sites.h"
#include "calls/stack_call.h"
#include "calls/startup.h"
#include "calls/system_calls.h"
#include "stack/host/stack.h"

namespace alp::calls {

namespace {

ALPINE_FORKED std::atomic<long> own_pid{0};
bool stack_stayed_with_parent;
bool said_so;
ALPINE_FORKED bool descriptions_shared;
ALPINE_FORKED std::atomic<bool> unsettled{false};  ///< a forked child that has not used the stack
ALPINE_FORKED Lock settling;

/// A call for a new process under way on this thread. A vfork child may make one itself.
struct Under {
    stack::Fork fork;
    bool vfork;
    bool in_stack;  ///< `fork` is one
    bool shares_table;
    stack::SavedThread saved;
    bool registered;
};
constexpr int kMaxNested = 4;
__thread Under under_way[kMaxNested] __attribute__((tls_model("initial-exec")));
__thread int nested __attribute__((tls_model("initial-exec")));

/// Descriptors inside the stack that no number of this process stands for: those of other threads' calls. libc's fork()
/// still holds its heap: no thread can be started yet.
void close_stray_descriptors() {
    thread_state.registered = true;
    for_each_stack_descriptor([](int fd) {
        if (is_host(fd)) {
            stack_call(SYS_close, fd);
        }
    });
    thread_state.registered = false;
}

void reset_tables() {
    settling.reset();
    if (has_own_heap()) {
        reset_heap_after_fork();
    }
    reset_descriptors_after_fork();
    reset_signals_after_fork();
    reset_epoll_after_fork();
    reset_passing_after_fork();
    reset_rings_after_fork();
    reset_sites_after_fork();
    reset_explanation_after_fork();
    reset_startup_after_fork();
    thread_state.registered = false;
    thread_state.held_listener = 0;
}

/// In the child. `fork` null: it does not share the stack.
void in_child(const stack::Fork* fork) {
    own_pid.store(raw_syscall(SYS_getpid));
    nested = 0;
    const bool had_threads = !__libc_single_threaded;
    if (fork != nullptr) {
        stack::end_fork_in_child(*fork);
    }
    if (fork == nullptr) {
        stack_stayed_with_parent = stack_stayed_with_parent || (stack::running() && !stack::ended());
        stack::lose();
    }
    reset_tables();
    if (fork == nullptr) {
        return;
    }
    unsettled = true;
    if (has_accepting_listeners()) {
        settle_child();
    }
    if (had_threads) {
        close_stray_descriptors();
    }
}

/// A child that Alpine did not see being made.
void in_unseen_child() {
    if (own_pid.load() != raw_syscall(SYS_getpid)) {
        in_child(nullptr);
    }
}

/// Before a new process: all of a family have one stack, so it is there before the first child.
void have_stack_for_family() {
    if (one_stack_per_family()) {
        prepare_stack_for_child();
    }
}

/// The stack is started (which allocates memory) before libc's fork() takes the heap's lock.
[[gnu::constructor]] void watch_forks() {
    own_pid.store(raw_syscall(SYS_getpid));
    pthread_atfork(have_stack_for_family, nullptr, in_unseen_child);
}

/// Is this process one that has a part in the stack, for a child to share?
bool shares_stack() { return stack::running() && !stack::ended() && !is_foreign_process(); }

/// What clone3() is asked for; nothing if it cannot be read.
clone_args arguments_of(long address) {
    clone_args arguments{};
    if (!guarded_copy(&arguments, reinterpret_cast<const void*>(address), CLONE_ARGS_SIZE_VER0)) {
        arguments.flags = CLONE_THREAD;
    }
    return arguments;
}

/// Does this call give the child a copy of the memory, and the caller's stack in it?
bool copies_memory(long number, long a, long b) {
    if (number == SYS_clone3) {
        const clone_args arguments = arguments_of(a);
        return (arguments.flags & (CLONE_VM | CLONE_THREAD)) == 0 && arguments.stack == 0;
    }
    return number == SYS_fork || (number == SYS_clone && b == 0 && (a & CLONE_VM) == 0);
}

/// Makes the child's part in the stack, if `shares`, which turns false where the stack ends meanwhile: the program goes
/// on without it, and so does its child. 0, or -errno: there can be no child.
long begin_fork(stack::Fork& fork, bool& shares) {
    settle_child();
    if (!shares || stack::begin_fork(fork) == 0) {
        return 0;
    }
    shares = !stack::ended();
    return shares ? -EAGAIN : 0;
}

unsigned long flags_of(long number, long a) {
    if (number == SYS_vfork) {
        return CLONE_VM | CLONE_VFORK;
    }
    if (number == SYS_clone3) {
        return arguments_of(a).flags;
    }
    return number == SYS_fork ? 0 : static_cast<unsigned long>(a);
}

/// In a child that shares its parent's descriptor table on the host: inside the stack and here it has a copy, and what
/// it closes of Alpine's own would be closed for its parent.
void leave_shared_table() { raw_syscall(SYS_unshare, CLONE_FILES); }

/// A call that copies the memory: made here, both sides come back.
long fork_here(long number, long a, long b, long c, long d, long e) {
    stack::Fork fork{};
    bool shared = shares_stack();
    const Critical critical;
    if (shared) {
        put_off_deaths();
        note_shared_descriptions();
        give_epolls_their_halves();
    }
    long child = begin_fork(fork, shared);
    if (child == 0) {
        child = raw_syscall(number, a, b, c, d, e);
        if (child == 0) {
            if ((flags_of(number, a) & CLONE_FILES) != 0) {
                leave_shared_table();
            }
            in_child(shared ? &fork : nullptr);
        } else if (shared) {
            stack::end_fork_in_parent(fork, child);
        }
    }
    return child;
}

/// A call to be made in place. Threads are nobody's business here.
long prepare(unsigned long flags) {
    const bool process = (flags & CLONE_THREAD) == 0;
    const bool vfork = (flags & (CLONE_VM | CLONE_VFORK)) == (CLONE_VM | CLONE_VFORK);
    if (!process || nested == kMaxNested || ((flags & CLONE_VM) != 0 && !vfork)) {
        return kMakeInPlace;
    }
    have_stack_for_family();
    Under& under = under_way[nested];
    under.vfork = vfork;
    under.shares_table = (flags & CLONE_FILES) != 0;
    under.in_stack = stack::running() && !stack::ended() && (is_vfork_child() || !is_foreign_process());
    {
        const Critical critical;
        if (begin_fork(under.fork, under.in_stack) < 0) {
            return -EAGAIN;
        }
    }
    ++nested;
    if (vfork && under.in_stack) {
        under.registered = thread_state.registered;
        stack::enter_vfork_child(under.fork, under.saved);
        ++thread_state.vforked;
    }
    return kMakeInPlace;
}

/// The keeper would find out by itself, a moment later.
void bury_child(long child) {
    if (stack::running() && !stack::is_alone() && !is_foreign_process()) {
        const Critical critical;
        stack::bury_process(static_cast<pid_t>(child));
    }
}

}  // namespace

long clone_call(long number, long a, long b, long c, long d, long e) {
    return copies_memory(number, a, b) ? fork_here(number, a, b, c, d, e) : prepare(flags_of(number, a));
}

long after_clone_in_place(long answer) {
    if (nested == 0) {
        return answer;
    }
    const Under under = under_way[nested - 1];
    if (answer == 0) {
        thread_state.cloned = true;
        if (under.shares_table) {
            leave_shared_table();
        }
        in_child(under.in_stack ? &under.fork : nullptr);
        return 0;
    }
    --nested;
    if (!under.in_stack) {
        return answer;
    }
    if (under.vfork) {
        --thread_state.vforked;
        stack::leave_vfork_child(under.saved);
        thread_state.registered = under.registered;
    }
    const Critical critical;
    stack::end_fork_in_parent(under.fork, answer);
    return answer;
}

bool shares_descriptions() { return descriptions_shared; }

void note_shared_descriptions() {
    if (!descriptions_shared) {
        descriptions_shared = true;
    }
}

bool is_vfork_child() { return thread_state.vforked != 0; }

long vfork_child_close(int fd) {
    stack_call(SYS_close, fd);
    return raw_syscall(SYS_close, fd);
}

long vfork_child_close_range(unsigned first, unsigned last, int flags) {
    if (first > last || (flags & ~CLOSE_RANGE_UNSHARE) != 0) {
        return raw_syscall(SYS_close_range, first, last, flags);
    }
    for_each_stack_descriptor([&](int fd) {
        if (static_cast<unsigned>(fd) >= first && static_cast<unsigned>(fd) <= last) {
            stack_call(SYS_close, fd);
        }
    });
    return close_host_range(first, last);
}

long vfork_child_dup_onto(int from, int to, int flags) {
    const long copy = from == to ? raw_syscall(SYS_dup2, from, to) : raw_syscall(SYS_dup3, from, to, flags);
    if (copy >= 0 && from != to && stack_call(SYS_dup2, from, to) < 0) {
        stack_call(SYS_close, to);
    }
    return copy;
}

long vfork_child_dup(int fd, int command, int lowest) {
    const long copy = raw_syscall(SYS_fcntl, fd, command, lowest);
    if (copy >= 0) {
        stack_call(SYS_dup2, fd, copy);
    }
    return copy;
}

bool is_foreign_process() {
    if (is_vfork_child()) {
        return true;
    }
    const long known = own_pid.load(std::memory_order_relaxed);
    return known != 0 && raw_syscall(SYS_getpid) != known;
}

pid_t process_of(int pidfd) {
    char path[64];
    char text[512] = "";
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    const long info = raw_syscall(SYS_openat, AT_FDCWD, arg(path), O_RDONLY | O_CLOEXEC);
    if (info < 0) {
        return 0;
    }
    raw_syscall(SYS_read, info, arg(text), sizeof(text) - 1);
    raw_syscall(SYS_close, info);
    const char* line = strstr(text, "\nPid:");
    return line != nullptr ? static_cast<pid_t>(strtol(line + 5, nullptr, 10)) : 0;
}

/// Before the handlers of others, which may take the locks of a heap that is not libc's.
ALPINE_CALL(pid_t, fork) {
    static const auto next = next_symbol<pid_t (*)()>("fork");
    have_stack_for_family();
    return next();
}

namespace {

/// A child that runs calls in a loop is killed by its parent between two of them.
long send_signal(pid_t whom, int signal, const stack::HostCall& call) {
    if (signal != SIGKILL || stack::inside() || !shares_stack() || !stack::has_others()) {
        return host_call(call.number, call.a, call.b, call.c, call.d);
    }
    const Critical critical;  // the victim's end is told by SIGCHLD
    return stack::kill_processes(whom, call);
}

}  // namespace

long sys_kill(int whom, int signal) { return send_signal(whom, signal, {SYS_kill, whom, signal, 0, 0}); }

long sys_tgkill(int process, int thread, int signal) {
    return send_signal(process, signal, {SYS_tgkill, process, thread, signal, 0});
}

long sys_pidfd_send_signal(int pidfd, int signal, const siginfo_t* info, unsigned flags) {
    if (is_private(pidfd)) {
        return refuse(-EBADF, kPrivateReason);
    }
    const stack::HostCall call{SYS_pidfd_send_signal, pidfd, signal, arg(info), flags};
    const pid_t whom = signal == SIGKILL ? process_of(pidfd) : 0;
    return whom > 0 ? send_signal(whom, signal, call) : host_call(call.number, call.a, call.b, call.c, call.d);
}

long sys_wait4(int child, int* status, int options, void* usage) {
    int own_status = 0;
    int* const told = status != nullptr ? status : &own_status;
    const long found = host_call(SYS_wait4, child, arg(told), options, arg(usage));
    // A tracer is told of stops, too, whatever it has asked for.
    if (found > 0 && guarded_copy(&own_status, told, sizeof(own_status)) &&
        (WIFEXITED(own_status) || WIFSIGNALED(own_status))) {
        bury_child(found);
    }
    return found;
}

long sys_waitid(int kind, int child, siginfo_t* info, int options, void* usage) {
    const long result = host_call(SYS_waitid, kind, child, arg(info), options, arg(usage));
    siginfo_t found{};
    if (result == 0 && (options & WEXITED) != 0 && info != nullptr && guarded_copy(&found, info, sizeof(found)) &&
        found.si_pid > 0 &&
        (found.si_code == CLD_EXITED || found.si_code == CLD_KILLED || found.si_code == CLD_DUMPED)) {
        bury_child(found.si_pid);
    }
    return result;
}

void settle_child() {
    if (__builtin_expect(!unsettled.load(std::memory_order_acquire), 1)) {
        return;
    }
    Locked locked(settling);
    if (unsettled.load()) {
        share_claims_with_child();
        stack::settle_child();
        unsettled.store(false, std::memory_order_release);
    }
}

void ensure_keeper() {
    settle_child();
    if (!stack::needs_keeper() || is_vfork_child()) {
        return;
    }
    const char single_threaded = __libc_single_threaded;
    static_cast<void>(stack::start_keeper());
    if (has_own_heap()) {
        __libc_single_threaded = single_threaded;
    }
}

bool lost_stack() { return stack_stayed_with_parent; }

void explain_lost_stack() {
    if (!stack_stayed_with_parent) {
        return;
    }
    static_cast<void>(refuse(0, "a child made in a way that Alpine does not see cannot share its parent's stack"));
    if (said_so) {
        return;
    }
    said_so = true;
    static constexpr char kText[] =
        "alpine: this process was forked in a way that Alpine does not see, and cannot share its parent's stack\n";
    raw_syscall(SYS_write, STDERR_FILENO, arg(kText), sizeof(kText) - 1);
}

const stack::Fork* vfork_seat() { return is_vfork_child() ? &under_way[nested - 1].fork : nullptr; }

}  // namespace alp::calls
