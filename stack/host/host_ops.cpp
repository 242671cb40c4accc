// SPDX-License-Identifier: GPL-2.0
#include "stack/host/host_ops.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/raw_syscall.h"
#include "stack/host/clock.h"
#include "stack/host/own_table.h"

namespace alp::stack {

namespace {

int wire = -1;

std::uint64_t op_realtime_ns() { return clock_ns(CLOCK_REALTIME); }

void op_random(void* buffer, std::uint64_t len_bytes) {
    raw_syscall(SYS_getrandom, arg(buffer), static_cast<long>(len_bytes), 0);
}

void op_console(const char* text, std::uint64_t len_bytes) { write_to(STDERR_FILENO, text, len_bytes); }

std::int64_t op_wire_read(const iovec* iov, int count) { return raw_syscall(SYS_readv, wire, arg(iov), count); }

std::int64_t op_wire_write(const iovec* iov, int count) { return raw_syscall(SYS_writev, wire, arg(iov), count); }

/// There is nothing to go back to: half-done work lies on every stack. The process ends as after abort().
void op_died(const char* text) {
    static const char prefix[] = "alpine: the stack has died: ";
    op_console(prefix, sizeof(prefix) - 1);
    op_console(text, strlen(text));
    op_console("\n", 1);
    struct sigaction fallback {};
    raw_syscall(SYS_rt_sigaction, SIGABRT, arg(&fallback), 0, 8);
    const std::uint64_t none = 0;
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&none), 0, sizeof(none));
    raw_syscall(SYS_tgkill, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid), SIGABRT);
    for (;;) {
        raw_syscall(SYS_exit_group, 128 + SIGABRT);
    }
}

/// A thread may queue a signal with the si_code of a kernel only to its own id, and an id stands for its process. For
/// all others (and for one thread) it has to be a user's; SI_SIGIO says what it is.
long raise_in(siginfo_t* info, std::uint64_t process, std::uint64_t thread) {
    const long own = raw_syscall(SYS_getpid);
    const long self = raw_syscall(SYS_gettid);
    if (thread == 0 && static_cast<long>(process) == own) {
        return raw_syscall(SYS_rt_sigqueueinfo, self, info->si_signo, arg(info));
    }
    if (static_cast<long>(thread) != self && info->si_code >= 0) {
        info->si_code = SI_SIGIO;
    }
    return thread == 0 ? raw_syscall(SYS_rt_sigqueueinfo, static_cast<long>(process), info->si_signo, arg(info))
                       : raw_syscall(SYS_rt_tgsigqueueinfo, static_cast<long>(process), static_cast<long>(thread),
                                     info->si_signo, arg(info));
}

/// As Linux does it (send_sigio_to_task() in fs/fcntl.c): a full queue of real-time signals makes a plain SIGIO of it.
void op_raise(const void* siginfo, std::uint64_t process, std::uint64_t thread) {
    siginfo_t info = *static_cast<const siginfo_t*>(siginfo);
    if (process != 0 && raise_in(&info, process, thread) == -EAGAIN) {
        raw_syscall(SYS_kill, static_cast<long>(process), SIGIO);
    }
}

const alpine_host_ops ops = {
    .monotonic_ns = monotonic_ns,
    .realtime_ns = op_realtime_ns,
    .random = op_random,
    .console = op_console,
    .wire_read = op_wire_read,
    .wire_write = op_wire_write,
    .died = op_died,
    .raise = op_raise,
};

}  // namespace

const alpine_host_ops* host_ops(int wire_fd) {
    wire = wire_fd;
    return &ops;
}

}  // namespace alp::stack
