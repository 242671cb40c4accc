// SPDX-License-Identifier: GPL-2.0
#include "stack/host/host_ops.h"

#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/raw_syscall.h"

namespace alp::stack {

namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
int wire = -1;

std::uint64_t clock_ns(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);  // the vDSO: no system call, little stack
    return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t op_realtime_ns() { return clock_ns(CLOCK_REALTIME); }

void op_random(void* buffer, std::uint64_t len_bytes) {
    raw_syscall(SYS_getrandom, arg(buffer), static_cast<long>(len_bytes), 0);
}

void op_console(const char* text, std::uint64_t len_bytes) {
    raw_syscall(SYS_write, STDERR_FILENO, arg(text), static_cast<long>(len_bytes));
}

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

const alpine_host_ops ops = {
    .monotonic_ns = monotonic_ns,
    .realtime_ns = op_realtime_ns,
    .random = op_random,
    .console = op_console,
    .wire_read = op_wire_read,
    .wire_write = op_wire_write,
    .died = op_died,
};

}  // namespace

std::uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

const alpine_host_ops* host_ops(int wire_fd) {
    wire = wire_fd;
    return &ops;
}

}  // namespace alp::stack
