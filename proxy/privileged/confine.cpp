// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/confine.h"

#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>

namespace alp::proxy {
namespace {

// <linux/capability.h> has them since Linux 5.8.
constexpr std::array kept_capabilities = {
    CAP_NET_ADMIN,         // TUN devices, filters, the sysctls of this network namespace
    CAP_NET_RAW,           // resets, the classic wire's raw sockets and capture
    CAP_NET_BIND_SERVICE,  // holding ports below 1024
    CAP_BPF,               // maps, where kernel.unprivileged_bpf_disabled is set
    CAP_CHOWN,             // holding a port that sockets of another user share: fchown(2) of a socket
};

constexpr std::array allowed_calls = {
    // memory, time, threads of libc's own
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
    SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(restart_syscall), SCMP_SYS(rseq),
    // files: procfs, /dev/net/tun, the policy, users' names
    SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write),
    SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(getdents64),
    SCMP_SYS(fcntl), SCMP_SYS(ioctl), SCMP_SYS(dup), SCMP_SYS(dup3), SCMP_SYS(unlink), SCMP_SYS(fadvise64),
    SCMP_SYS(fchown),
    // sockets and waiting
    SCMP_SYS(socket), SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(accept4), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(socketpair), SCMP_SYS(sendmmsg), SCMP_SYS(eventfd2),
    // maps
    SCMP_SYS(bpf),
    // who is there, and the end
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(uname),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit), SCMP_SYS(exit_group)};

Result<void> drop_capabilities() {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
            return Error{errno, "cannot give up the right to more capabilities"};
        }
    }
    std::uint64_t kept = 0;
    for (const int capability : kept_capabilities) {
        kept |= std::uint64_t{1} << capability;
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> now{};
    if (syscall(SYS_capget, &header, now.data()) != 0) {
        return Error{errno, "cannot read alpined's capabilities"};
    }
    for (std::size_t i = 0; i < now.size(); ++i) {
        const auto half = static_cast<std::uint32_t>(kept >> (32 * i));
        now[i].effective &= half;
        now[i].permitted &= half;
        now[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, now.data()) != 0) {
        return Error{errno, "cannot give up capabilities"};
    }
    return {};
}

// What is not allowed answers EPERM: a library that tries something new is refused, and alpined lives.
Result<void> filter_calls() {
    const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
    if (!filter) {
        return Error{ENOMEM, "cannot make a filter of system calls"};
    }
    for (const int call : allowed_calls) {
        if (const int error = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0); error != 0) {
            return Error{-error, "cannot make a filter of system calls"};
        }
    }
    if (const int error = seccomp_load(filter.get()); error != 0) {
        return Error{-error, "cannot filter system calls (the kernel needs CONFIG_SECCOMP_FILTER)"};
    }
    return {};
}

}  // namespace

Result<void> confine() {
    if (auto dropped = drop_capabilities(); !dropped) {
        return dropped;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return Error{errno, "cannot give up gaining privileges"};
    }
    return filter_calls();
}

}  // namespace alp::proxy
