// SPDX-License-Identifier: GPL-2.0
// Theory of operation
//
// Every handler the program installs is replaced, in the host's kernel, by on_signal(); the program's own stands
// in `actions`. If the thread is not in the stack, on_signal() just calls it. If it is, the signal is put off: it
// is blocked in the mask that the return from on_signal() restores, sent to the thread once more (with the same
// siginfo), and the call in the stack is told to end. At the boundary (stack_call.h) the signal is unblocked, and
// the host's kernel delivers it like any other: with the right siginfo, mask and alternate stack, and free to
// longjmp, because nothing of Alpine's is left on the stack below but a plain function's frame.
//
// Faults (SIGSEGV and its like, raised by an instruction) cannot be put off. Those the stack's own code raises by
// touching a program's bad pointer are the stack's, which has its own handler for them in the host's kernel. When
// the program installs one, ours takes that place and hands the stack's faults on (`beneath`); when the program
// goes back to the default, the stack's handler gets its place back.
#include "calls/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <atomic>

#include "base/raw_syscall.h"
#include "calls/entry.h"
#include "calls/fork.h"
#include "calls/lock.h"
#include "calls/stack_call.h"
#include "calls/thread_state.h"
#include "stack/host/stack.h"

extern "C" int __sigaction(int signal_number, const struct sigaction* action, struct sigaction* old);

namespace alp::calls {

__thread ThreadState thread_state __attribute__((tls_model("initial-exec")));

namespace {

using Handler = void (*)(int);
using InfoHandler = void (*)(int, siginfo_t*, void*);

constexpr int kSignals = 65;

/// What the program asked for. `handler` null: never set through us, and the host's kernel knows.
struct Action {
    std::atomic<Handler> handler;
    std::atomic<int> flags;
    sigset_t mask;
};

Action actions[kSignals];
Lock actions_lock;

/// The stack's own handlers, as far as ours stand in their place. Of SIGSEGV, SIGBUS and SIGILL only.
struct sigaction beneath[kSignals];

std::uint64_t bit(int number) { return std::uint64_t{1} << (number - 1); }

bool is_handler(Handler handler) { return handler != SIG_DFL && handler != SIG_IGN; }

/// Raised by the instruction at hand, not sent by somebody?
bool is_fault(int number, const siginfo_t* info) {
    switch (number) {
        case SIGSEGV:
        case SIGBUS:
        case SIGFPE:
        case SIGILL:
        case SIGTRAP:
        case SIGSYS:
            return info->si_code > 0;
        default:
            return false;
    }
}

void put_off(int number, siginfo_t* info, ucontext_t* context) {
    const pid_t pid = static_cast<pid_t>(raw_syscall(SYS_getpid));
    const pid_t tid = static_cast<pid_t>(raw_syscall(SYS_gettid));
    if (raw_syscall(SYS_rt_tgsigqueueinfo, pid, tid, number, arg(info)) < 0) {
        raw_syscall(SYS_tgkill, pid, tid, number);
    }
    sigaddset(&context->uc_sigmask, number);
    thread_state.deferred = thread_state.deferred | bit(number);
    if ((actions[number].flags.load() & SA_RESTART) == 0) {
        thread_state.must_interrupt = true;
    }
    if (stack::inside()) {
        stack::interrupt_self();
    } else if (thread_state.wait_limit != nullptr) {
        *thread_state.wait_limit = timespec{0, 0};
    }
}

/// Back to the default action, in a handler: a fault that happens again then ends the program as it should.
void restore_default(int number) {
    struct sigaction fallback {};
    __sigaction(number, &fallback, nullptr);
}

void run_handler(int number, siginfo_t* info, void* context) {
    Action& action = actions[number];
    const Handler handler = action.handler.load();
    if (!is_handler(handler)) {
        // Taken away by another thread since the signal was sent; a fault would come again for ever.
        if (is_fault(number, info)) {
            restore_default(number);
        }
        return;
    }
    const int flags = action.flags.load();
    if ((flags & SA_RESETHAND) != 0) {
        action.handler.store(SIG_DFL);
        restore_default(number);
    }
    // In the x86-64 calling convention a handler of one argument does not mind two more.
    reinterpret_cast<InfoHandler>(reinterpret_cast<void*>(handler))(number, info, context);
}

void on_signal(int number, siginfo_t* info, void* context) {
    const bool in_stack = stack::inside();
    if (in_stack && is_fault(number, info) && beneath[number].sa_sigaction != nullptr) {
        beneath[number].sa_sigaction(number, info, context);
        return;
    }
    if ((in_stack || thread_state.critical != 0) && !is_fault(number, info)) {
        put_off(number, info, static_cast<ucontext_t*>(context));
        return;
    }
    run_handler(number, info, context);
}

bool is_ours(const struct sigaction& action) {
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_signal;
}

/// Is this action, found in the host's kernel, the stack's own?
bool is_of_stack(int number, const struct sigaction& action) {
    return (number == SIGSEGV || number == SIGBUS || number == SIGILL) && stack::running() &&
           is_handler(action.sa_handler) && !is_ours(action);
}

/// The program's action as the host's kernel shall have it.
struct sigaction wrap(int number, const struct sigaction& wanted) {
    struct sigaction wrapped = wanted;
    if (is_handler(wanted.sa_handler)) {
        wrapped.sa_sigaction = on_signal;
        wrapped.sa_flags = (wanted.sa_flags & ~SA_RESETHAND) | SA_SIGINFO;
    } else if (beneath[number].sa_sigaction != nullptr) {
        wrapped = beneath[number];
    }
    return wrapped;
}

/// The host kernel's answer to "what is the action?" in the program's terms.
struct sigaction unwrap(int number, const struct sigaction& found) {
    const bool ours = is_ours(found);
    if (!ours && !is_of_stack(number, found)) {
        return found;
    }
    struct sigaction asked {};
    asked.sa_handler = actions[number].handler.load();
    asked.sa_flags = actions[number].flags.load();
    asked.sa_mask = actions[number].mask;
    return asked;
}

void remember_action(int number, const struct sigaction& wanted) {
    actions[number].flags.store(wanted.sa_flags);
    actions[number].mask = wanted.sa_mask;
    actions[number].handler.store(wanted.sa_handler);
}

int set_action(int number, const struct sigaction* wanted, struct sigaction* old) {
    // A vfork child shares this table with its parent but has its own actions: it must not write here.
    if (number <= 0 || number >= kSignals || is_foreign_process()) {
        return __sigaction(number, wanted, old);
    }
    Locked locked(actions_lock);
    struct sigaction found {};
    if (__sigaction(number, nullptr, &found) < 0) {
        return -1;
    }
    if (is_of_stack(number, found)) {
        beneath[number] = found;
    }
    const struct sigaction previous = unwrap(number, found);
    if (wanted != nullptr) {
        const struct sigaction wrapped = wrap(number, *wanted);
        if (is_handler(wanted->sa_handler)) {
            remember_action(number, *wanted);
        }
        if (__sigaction(number, &wrapped, nullptr) < 0) {
            return -1;
        }
        // A handler taken away is forgotten only after the host's kernel calls it no more.
        remember_action(number, *wanted);
    }
    if (old != nullptr) {
        *old = previous;
    }
    return 0;
}

Handler set_handler(int number, Handler handler, int flags, bool mask_itself) {
    struct sigaction wanted {};
    struct sigaction old {};
    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    wanted.sa_handler = handler;
    wanted.sa_flags = flags;
    if (mask_itself && number > 0 && number < kSignals) {
        sigaddset(&wanted.sa_mask, number);
    }
    return set_action(number, &wanted, &old) < 0 ? SIG_ERR : old.sa_handler;
}

}  // namespace

void deliver_deferred() {
    std::uint64_t signals = thread_state.deferred;
    thread_state.deferred = 0;
    thread_state.must_interrupt = false;
    raw_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, arg(&signals), 0, sizeof(signals));
}

void reset_signals_after_fork() { actions_lock.reset(); }

void raise_sigpipe() { raw_syscall(SYS_tgkill, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid), SIGPIPE); }

WaitWindow::WaitWindow(const sigset_t* mask) {
    enter_critical();
    if (mask != nullptr) {
        masked_ = true;
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(mask), arg(&saved_mask_), sizeof(saved_mask_));
    }
}

bool WaitWindow::interrupted() { return thread_state.deferred != 0; }

timespec* WaitWindow::limit(const timespec& value) {
    limit_ = value;
    thread_state.wait_limit = &limit_;
    if (thread_state.deferred != 0) {
        limit_ = timespec{0, 0};
    }
    return &limit_;
}

long WaitWindow::finish(long result) {
    thread_state.wait_limit = nullptr;
    hold_while_exiting();
    if (!masked_) {
        leave_critical();
        return result;
    }
    // As in the kernel: an interrupted wait runs the handlers under the window's mask; one that was not leaves
    // the signals the thread's own mask blocks pending.
    thread_state.critical = thread_state.critical - 1;
    if (result == -EINTR && thread_state.deferred != 0) {
        deliver_deferred();
    }
    thread_state.deferred = 0;
    thread_state.must_interrupt = false;
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&saved_mask_), 0, sizeof(saved_mask_));
    return result;
}

ALPINE_CALL(int, sigaction, int number, const struct sigaction* action, struct sigaction* old) {
    return set_action(number, action, old);
}

ALPINE_CALL(Handler, signal, int number, Handler handler) { return set_handler(number, handler, SA_RESTART, true); }

ALPINE_CALL(Handler, bsd_signal, int number, Handler handler) { return set_handler(number, handler, SA_RESTART, true); }

ALPINE_CALL(Handler, ssignal, int number, Handler handler) { return set_handler(number, handler, SA_RESTART, true); }

ALPINE_CALL(Handler, sysv_signal, int number, Handler handler) {
    return set_handler(number, handler, SA_RESETHAND | SA_NODEFER, false);
}

ALPINE_CALL(Handler, __sysv_signal, int number, Handler handler) {
    return set_handler(number, handler, SA_RESETHAND | SA_NODEFER, false);
}

ALPINE_CALL(int, siginterrupt, int number, int interrupt) {
    struct sigaction action {};
    if (set_action(number, nullptr, &action) < 0) {
        return -1;
    }
    action.sa_flags = interrupt != 0 ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
    return set_action(number, &action, nullptr);
}

}  // namespace alp::calls
