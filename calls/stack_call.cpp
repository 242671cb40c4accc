// SPDX-License-Identifier: GPL-2.0
#include "calls/stack_call.h"

#include <errno.h>
#include <pthread.h>
#include <sys/single_threaded.h>

#include "base/forked.h"
#include "calls/process.h"
#include "calls/signals.h"

namespace alp::calls {

ALPINE_FORKED bool exiting;

namespace {

pthread_key_t exit_key;
pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;

void on_thread_exit(void*) {
    // A destructor that runs later and uses a socket registers anew, and the key's destructor is called again.
    thread_state.registered = false;
    if (thread_state.held_listener != 0) {  // cancelled in accept()
        stack::call(SYS_close, thread_state.held_listener - 1);
        thread_state.held_listener = 0;
    }
    stack::thread_exit();
    if (void* top = thread_state.side_stack; top != nullptr && !thread_state.side_stack_used) {
        thread_state.side_stack = nullptr;
        raw_syscall(SYS_munmap, arg(top) - ALPINE_SIDE_STACK_BYTES, ALPINE_SIDE_STACK_BYTES);
    }
}

void test_cancel() {
    if (!__libc_single_threaded && !thread_state.by_number) {
        pthread_testcancel();
    }
}

void make_exit_key() { pthread_key_create(&exit_key, on_thread_exit); }

}  // namespace

void register_thread() {
    if (is_vfork_child()) {
        return;  // the thread's storage is the parent's
    }
    ensure_keeper();
    pthread_once(&exit_key_once, make_exit_key);
    pthread_setspecific(exit_key, &thread_state);
    thread_state.registered = true;
}

void hold_while_exiting() {
    while (exiting && !thread_state.exempt_from_exit) {
        raw_syscall(SYS_pause);
    }
}

bool settle(long& result) {
    hold_while_exiting();
    if (thread_state.cancelled && thread_state.critical == 0) {
        act_on_cancellation(thread_state.cancellable != 0);
    }
    bool handled = false;
    bool restart = true;
    if (thread_state.deferred != 0) {
        handled = true;
        restart = !thread_state.must_interrupt;
        if (thread_state.critical == 0) {
            deliver_deferred();
        }
    }
    if (result == -ENOTCONN) {
        explain_lost_stack();
        return false;
    }
    if (!is_restart_code(result)) {
        return false;
    }
    if (!handled || result == kRestartNoIntr || (result == kRestartSys && restart)) {
        return true;
    }
    result = -EINTR;
    return false;
}

void begin_wait() {
    if (!thread_state.registered) {
        register_thread();
    }
    thread_state.verdict = Verdict::stack;
    test_cancel();
}

void check_cancelled() {
    if (thread_state.cancelled) {
        act_on_cancellation(true);
    }
}

long stack_wait_restartable(long number, long a, long b, long c) {
    begin_wait();
    for (;;) {
        long result = stack::call(number, a, b, c);
        check_cancelled();
        if (is_restart_code(result)) {
            result = kRestartSys;
        }
        if (!settle(result)) {
            return result;
        }
    }
}

long stack_call_cancellable(long number, long a, long b, long c, long d, long e, long f) {
    test_cancel();
    thread_state.cancellable = thread_state.cancellable + 1;
    const long result = stack_call(number, a, b, c, d, e, f);
    thread_state.cancellable = thread_state.cancellable - 1;
    return result;
}

}  // namespace alp::calls
