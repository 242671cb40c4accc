// SPDX-License-Identifier: GPL-2.0
// Theory of operation
//
// Every handler the program installs is replaced, in the host's kernel, by on_signal(); the program's own stands
// in `actions`. That happens at rt_sigaction(2), to which libc's own code comes by its call sites (sites.h): so
// sigaction(), signal(), abort() and the handlers that libc keeps for itself (cancellation, setuid) all pass here. If
// the thread is not in the stack, on_signal() just calls the handler. If it is, the signal is put off: it is blocked in
// the mask that the return from on_signal() restores, sent to the thread once more (with the same siginfo), and the
// call in the stack is told to end. At the boundary (stack_call.h) the signal is unblocked, and the host's kernel
// delivers it like any other: with the right siginfo, mask and alternate stack, and free to longjmp, because nothing of
// Alpine's is left on the stack below but a plain function's frame.
//
// Faults (SIGSEGV and its like, raised by an instruction) cannot be put off. For SIGSEGV, SIGBUS and SIGILL on_signal()
// stands from the start, whatever the program asks for: some faults are Alpine's own (guard.h, sites.h) or those of the
// stack touching a program's bad pointer. All others get the program's handler, or end the process as they would. For
// the same reason these three are never blocked: a fault that is blocked ends the process at once. A program that
// blocks them is told that they are.
//
// A process that shares its stack must not die in the middle of a call, half done for all others. Of a signal that
// would end it nobody is told but by a handler: so on_signal() stands for those as well, from the first fork on, puts
// them off like all others, and ends the process's part in the stack before it lets the default action happen. (SIGKILL
// cannot be put off.)
//
// Cancellation: pthread_cancel() only marks a thread that is not in asynchronous mode and trusts that libc's wrappers
// look. A thread that is blocked in the stack has to be called out of there, by libc's own signal for that.
#include "calls/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <atomic>

#include "base/raw_syscall.h"
#include "calls/entry.h"
#include "calls/guard.h"
#include "calls/libc.h"
#include "calls/lock.h"
#include "calls/process.h"
#include "calls/sites.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"
#include "calls/thread_state.h"
#include "stack/host/stack.h"

extern "C" int __sigaction(int signal_number, const struct sigaction* action, struct sigaction* old);

namespace alp::calls {

__thread ThreadState thread_state;

namespace {

using Handler = void (*)(int);
using InfoHandler = void (*)(int, siginfo_t*, void*);

constexpr int kSignals = 65;
constexpr int kCancelSignal = 32; /* SIGCANCEL of glibc (nptl/pthreadP.h) */
constexpr std::size_t kSetBytes = 8;
constexpr unsigned long kRestorerFlag = 0x04000000; /* SA_RESTORER */

/// What the program asked for. `handler` null: never set through us, and the host's kernel knows.
struct Action {
    std::atomic<Handler> handler{nullptr};
    std::atomic<unsigned long> flags{0};
    std::uint64_t mask = 0;
};

constinit Action actions[kSignals];
Lock actions_lock;
void (*restorer)();  ///< libc's, which debuggers and unwinders know

constexpr std::uint64_t bit(int number) { return std::uint64_t{1} << (number - 1); }

/// Signals that Alpine must be able to take at any time.
constexpr std::uint64_t kUnblockable = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL);

bool is_handler(Handler handler) { return handler != SIG_DFL && handler != SIG_IGN; }

/// Would it end a program that has no handler for it? Not those that a program raises at itself when it is done for.
constexpr std::uint64_t kEnding = bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGUSR1) | bit(SIGUSR2) |
                                  bit(SIGALRM) | bit(SIGTERM) | bit(SIGVTALRM) | bit(SIGPROF) | bit(SIGXCPU) |
                                  bit(SIGIO);
std::atomic<bool> deaths_put_off{false};

bool puts_off_death(int number, Handler handler) {
    return deaths_put_off.load(std::memory_order_relaxed) && handler == SIG_DFL && number < 64 &&
           (kEnding & bit(number)) != 0;
}

bool always_ours(int number) { return number == SIGSEGV || number == SIGBUS || number == SIGILL; }

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

long host_action(int number, const KernelAction* wanted, KernelAction* old) {
    return raw_syscall(SYS_rt_sigaction, number, arg(wanted), arg(old), kSetBytes);
}

void send_to_self(int number, const siginfo_t* info) {
    const long pid = raw_syscall(SYS_getpid);
    const long tid = raw_syscall(SYS_gettid);
    if (info == nullptr || raw_syscall(SYS_rt_tgsigqueueinfo, pid, tid, number, arg(info)) < 0) {
        raw_syscall(SYS_tgkill, pid, tid, number);
    }
}

void put_off(int number, siginfo_t* info, ucontext_t* context) {
    if (number == kCancelSignal) {
        thread_state.cancelled = true;
        stack::interrupt_self();
        return;
    }
    send_to_self(number, info);
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

/// Back to the default action, in a handler: a fault that happens again then ends the program as it should, and one
/// that was sent is sent again.
void restore_default(int number, const siginfo_t* info) {
    const KernelAction fallback{};
    host_action(number, &fallback, nullptr);
    if (!is_fault(number, info)) {
        send_to_self(number, info);
    }
}

void run_handler(int number, siginfo_t* info, void* context) {
    Action& action = actions[number];
    const Handler handler = action.handler.load();
    if (!is_handler(handler)) {
        // Never the program's, or taken away by another thread since the signal was sent.
        if (puts_off_death(number, handler)) {
            end_part_in_stack();
            restore_default(number, info);
        } else if (is_fault(number, info) || (always_ours(number) && handler == SIG_DFL)) {
            restore_default(number, info);
        }
        return;
    }
    if ((action.flags.load() & SA_RESETHAND) != 0) {
        action.handler.store(SIG_DFL);
        if (!always_ours(number)) {
            const KernelAction fallback{};
            host_action(number, &fallback, nullptr);
        }
    }
    // In the x86-64 calling convention a handler of one argument does not mind two more.
    reinterpret_cast<InfoHandler>(reinterpret_cast<void*>(handler))(number, info, context);
}

/// Faults that are Alpine's own business.
bool serve_own_fault(int number, siginfo_t* info, void* context) {
    return end_guarded_access(context) || (number == SIGILL && serve_trap(context)) ||
           stack::handle_fault(number, info, context);
}

void on_signal(int number, siginfo_t* info, void* context) {
    const bool fault = is_fault(number, info);
    if (fault && always_ours(number) && serve_own_fault(number, info, context)) {
        return;
    }
    if ((stack::inside() || thread_state.critical != 0) && !fault) {
        put_off(number, info, static_cast<ucontext_t*>(context));
        return;
    }
    run_handler(number, info, context);
}

bool is_ours(const KernelAction& action) {
    return action.handler == reinterpret_cast<Handler>(reinterpret_cast<void*>(on_signal));
}

/// The program's action as the host's kernel shall have it.
KernelAction wrap(int number, const KernelAction& wanted) {
    KernelAction wrapped = wanted;
    if (is_handler(wanted.handler) || always_ours(number) || puts_off_death(number, wanted.handler)) {
        wrapped.handler = reinterpret_cast<Handler>(reinterpret_cast<void*>(on_signal));
        wrapped.flags = (wanted.flags & ~static_cast<unsigned long>(SA_RESETHAND)) | SA_SIGINFO;
        wrapped.mask &= ~kUnblockable;
    }
    if (always_ours(number)) {
        wrapped.flags |= SA_NODEFER | SA_ONSTACK | kRestorerFlag;
        wrapped.restorer = wanted.restorer != nullptr ? wanted.restorer : restorer;
    }
    return wrapped;
}

/// The host kernel's answer to "what is the action?" in the program's terms.
KernelAction unwrap(int number, const KernelAction& found) {
    if (!is_ours(found)) {
        return found;
    }
    KernelAction asked = found;
    asked.handler = actions[number].handler.load();
    asked.flags = actions[number].flags.load();
    asked.mask = actions[number].mask;
    return asked;
}

void remember_action(int number, const KernelAction& wanted) {
    actions[number].flags.store(wanted.flags);
    actions[number].mask = wanted.mask;
    actions[number].handler.store(wanted.handler);
}

long set_action(int number, const KernelAction* wanted, KernelAction* old) {
    Locked locked(actions_lock);
    KernelAction found{};
    long error = host_action(number, nullptr, &found);
    if (error < 0) {
        return error;
    }
    const KernelAction previous = unwrap(number, found);
    if (wanted != nullptr) {
        const KernelAction wrapped = wrap(number, *wanted);
        if (is_handler(wanted->handler)) {
            remember_action(number, *wanted);
        }
        error = host_action(number, &wrapped, nullptr);
        if (error < 0) {
            return error;
        }
        // A handler taken away is forgotten only after the host's kernel calls it no more.
        remember_action(number, *wanted);
    }
    if (old != nullptr) {
        *old = previous;
    }
    return 0;
}

[[gnu::constructor(102)]] void at_load() { take_faults(); }

}  // namespace

void take_faults() {
    static std::atomic<bool> done{false};
    if (done.exchange(true)) {
        return;
    }
    // libc installs it once, which shows libc's restorer.
    struct sigaction first {};
    struct sigaction before {};
    first.sa_sigaction = on_signal;
    first.sa_flags = SA_SIGINFO;
    for (const int number : {SIGSEGV, SIGBUS, SIGILL}) {
        KernelAction found{};
        __sigaction(number, &first, &before);
        host_action(number, nullptr, &found);
        restorer = found.restorer;
        const KernelAction own = wrap(number, KernelAction{before.sa_handler, 0, restorer, 0});
        remember_action(number, KernelAction{before.sa_handler, 0, nullptr, 0});
        host_action(number, &own, nullptr);
    }
}

void put_off_deaths() {
    if (deaths_put_off.load() || deaths_put_off.exchange(true)) {
        return;
    }
    for (int number = 1; number < 64; ++number) {
        KernelAction found{};
        if ((kEnding & bit(number)) != 0 && host_action(number, nullptr, &found) == 0 && found.handler == SIG_DFL) {
            KernelAction fallback{};
            fallback.restorer = restorer;
            fallback.flags = kRestorerFlag;
            set_action(number, &fallback, nullptr);
        }
    }
}

std::uint64_t without_unblockable(std::uint64_t mask) { return mask & ~kUnblockable; }

void deliver_deferred() {
    std::uint64_t signals = thread_state.deferred;
    thread_state.deferred = 0;
    thread_state.must_interrupt = false;
    raw_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, arg(&signals), 0, sizeof(signals));
}

void act_on_cancellation(bool at_cancellation_point) {
    // The thread may end here, and its cleanup handlers are the program's code: no section of ours is open in them.
    const unsigned critical = thread_state.critical;
    thread_state.critical = 0;
    thread_state.wait_limit = nullptr;
    thread_state.cancelled = false;
    // A thread in asynchronous mode ends here, in libc's handler; for others that does nothing.
    send_to_self(kCancelSignal, nullptr);
    if (at_cancellation_point && !thread_state.by_number) {
        pthread_testcancel();
    }
    thread_state.critical = critical;
}

void reset_signals_after_fork() { actions_lock.reset(); }

void raise_sigpipe() { send_to_self(SIGPIPE, nullptr); }

WaitWindow::WaitWindow(const sigset_t* mask) {
    enter_critical();
    if (mask != nullptr) {
        masked_ = true;
        std::uint64_t wanted = 0;
        memcpy(&wanted, mask, sizeof(wanted));
        wanted = without_unblockable(wanted);
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&wanted), arg(&saved_mask_), sizeof(saved_mask_));
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

long sys_rt_sigaction(int number, const KernelAction* wanted, KernelAction* old, std::size_t set_bytes) {
    // A vfork child shares this table with its parent but has its own actions: it must not write here.
    if (number <= 0 || number >= kSignals || set_bytes != kSetBytes || is_foreign_process()) {
        return raw_syscall(SYS_rt_sigaction, number, arg(wanted), arg(old), static_cast<long>(set_bytes));
    }
    KernelAction copy{};
    KernelAction previous{};
    if (wanted != nullptr && !guarded_copy(&copy, wanted, sizeof(copy))) {
        return -EFAULT;
    }
    const long error = set_action(number, wanted != nullptr ? &copy : nullptr, &previous);
    if (error == 0 && old != nullptr && !guarded_copy(old, &previous, sizeof(previous))) {
        return -EFAULT;
    }
    return error;
}

long sys_rt_sigprocmask(int how, const std::uint64_t* set, std::uint64_t* old, std::size_t set_bytes) {
    if (set_bytes != kSetBytes) {
        return raw_syscall(SYS_rt_sigprocmask, how, arg(set), arg(old), static_cast<long>(set_bytes));
    }
    std::uint64_t wanted = 0;
    std::uint64_t previous = 0;
    if (set != nullptr && !guarded_copy(&wanted, set, sizeof(wanted))) {
        return -EFAULT;
    }
    const std::uint64_t given = wanted;
    if (how != SIG_UNBLOCK) {
        wanted &= ~kUnblockable;
    }
    const long error =
        raw_syscall(SYS_rt_sigprocmask, how, set != nullptr ? arg(&wanted) : 0, arg(&previous), kSetBytes);
    if (error < 0) {
        return error;
    }
    previous |= thread_state.unblockable;
    if (set != nullptr) {
        const std::uint64_t asked = given & kUnblockable;
        const std::uint64_t blocked = thread_state.unblockable;
        thread_state.unblockable = how == SIG_BLOCK ? blocked | asked : how == SIG_UNBLOCK ? blocked & ~asked : asked;
    }
    return old == nullptr || guarded_copy(old, &previous, sizeof(previous)) ? 0 : -EFAULT;
}

/// Marks the thread, and calls it out of the stack should it be blocked there.
ALPINE_CALL(int, pthread_cancel, pthread_t thread) {
    static const auto next = next_symbol<int (*)(pthread_t)>("pthread_cancel");
    clockid_t clock;
    const bool known = stack::running() && pthread_getcpuclockid(thread, &clock) == 0;
    const int error = next(thread);
    if (error == 0 && known) {
        // A thread's clock holds its id (include/linux/posix-timers_types.h: CPUCLOCK_PID).
        raw_syscall(SYS_tgkill, raw_syscall(SYS_getpid), ~(clock >> 3), kCancelSignal);
    }
    return error;
}

}  // namespace alp::calls
