// SPDX-License-Identifier: GPL-2.0
// syscall(2), libc's function for system calls by number.
//
// Numbers that have an entry point here go to it; all others to the host. Calls that come back twice, or on another
// stack (clone, vfork), must not run inside a C function's frame: the assembly makes every call itself and asks
// the C++ part first only whether it wants it.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "calls/entry.h"
#include "calls/entry_points.h"

namespace alp::calls {

namespace {

/// A kernel's argument as one of libc's types.
template <typename T>
T* at(long address) {
    return reinterpret_cast<T*>(address);
}

int to_int(long value) { return static_cast<int>(value); }

}  // namespace

/// Makes the call, through its entry point if it has one. The answer as syscall(2) gives it.
extern "C" __attribute__((visibility("hidden"))) long alpine_syscall_by_number(long number, long a, long b, long c,
                                                                               long d, long e, long f) {
    const auto len = static_cast<std::size_t>(c);
    switch (number) {
        case SYS_read:
            return alpine_read(to_int(a), at<void>(b), len);
        case SYS_write:
            return alpine_write(to_int(a), at<void>(b), len);
        case SYS_readv:
            return alpine_readv(to_int(a), at<iovec>(b), to_int(c));
        case SYS_writev:
            return alpine_writev(to_int(a), at<iovec>(b), to_int(c));
        case SYS_close:
            return alpine_close(to_int(a));
        case SYS_close_range:
            return alpine_close_range(static_cast<unsigned>(a), static_cast<unsigned>(b), to_int(c));
        case SYS_dup:
            return alpine_dup(to_int(a));
        case SYS_dup2:
            return alpine_dup2(to_int(a), to_int(b));
        case SYS_dup3:
            return alpine_dup3(to_int(a), to_int(b), to_int(c));
        case SYS_fcntl:
            return alpine_fcntl(to_int(a), to_int(b), c);
        case SYS_ioctl:
            return alpine_ioctl(to_int(a), static_cast<unsigned long>(b), c);
        case SYS_socket:
            return alpine_socket(to_int(a), to_int(b), to_int(c));
        case SYS_bind:
            return alpine_bind(to_int(a), at<sockaddr>(b), static_cast<socklen_t>(c));
        case SYS_listen:
            return alpine_listen(to_int(a), to_int(b));
        case SYS_accept:
            return alpine_accept(to_int(a), at<sockaddr>(b), at<socklen_t>(c));
        case SYS_accept4:
            return alpine_accept4(to_int(a), at<sockaddr>(b), at<socklen_t>(c), to_int(d));
        case SYS_connect:
            return alpine_connect(to_int(a), at<sockaddr>(b), static_cast<socklen_t>(c));
        case SYS_shutdown:
            return alpine_shutdown(to_int(a), to_int(b));
        case SYS_getsockname:
            return alpine_getsockname(to_int(a), at<sockaddr>(b), at<socklen_t>(c));
        case SYS_getpeername:
            return alpine_getpeername(to_int(a), at<sockaddr>(b), at<socklen_t>(c));
        case SYS_setsockopt:
            return alpine_setsockopt(to_int(a), to_int(b), to_int(c), at<void>(d), static_cast<socklen_t>(e));
        case SYS_getsockopt:
            return alpine_getsockopt(to_int(a), to_int(b), to_int(c), at<void>(d), at<socklen_t>(e));
        case SYS_sendto:
            return alpine_sendto(to_int(a), at<void>(b), len, to_int(d), at<sockaddr>(e), static_cast<socklen_t>(f));
        case SYS_recvfrom:
            return alpine_recvfrom(to_int(a), at<void>(b), len, to_int(d), at<sockaddr>(e), at<socklen_t>(f));
        case SYS_sendmsg:
            return alpine_sendmsg(to_int(a), at<msghdr>(b), to_int(c));
        case SYS_recvmsg:
            return alpine_recvmsg(to_int(a), at<msghdr>(b), to_int(c));
        case SYS_sendmmsg:
            return alpine_sendmmsg(to_int(a), at<mmsghdr>(b), static_cast<unsigned>(c), to_int(d));
        case SYS_recvmmsg:
            return alpine_recvmmsg(to_int(a), at<mmsghdr>(b), static_cast<unsigned>(c), to_int(d), at<timespec>(e));
        case SYS_sendfile:
            return alpine_sendfile(to_int(a), to_int(b), at<off_t>(c), static_cast<std::size_t>(d));
        case SYS_splice:
            return alpine_splice(to_int(a), at<off64_t>(b), to_int(c), at<off64_t>(d), static_cast<std::size_t>(e),
                                 static_cast<unsigned>(f));
        case SYS_tee:
            return alpine_tee(to_int(a), to_int(b), len, static_cast<unsigned>(d));
        case SYS_poll:
            return alpine_poll(at<pollfd>(a), static_cast<nfds_t>(b), to_int(c));
        case SYS_ppoll:
            return alpine_ppoll(at<pollfd>(a), static_cast<nfds_t>(b), at<timespec>(c), at<sigset_t>(d));
        case SYS_select:
            return alpine_select(to_int(a), at<fd_set>(b), at<fd_set>(c), at<fd_set>(d), at<timeval>(e));
        case SYS_pselect6: {
            struct Window {
                const sigset_t* mask;
                std::size_t len;
            };
            const auto* window = at<Window>(f);
            return alpine_pselect(to_int(a), at<fd_set>(b), at<fd_set>(c), at<fd_set>(d), at<timespec>(e),
                                  window != nullptr ? window->mask : nullptr);
        }
        case SYS_epoll_create:
            return alpine_epoll_create(to_int(a));
        case SYS_epoll_create1:
            return alpine_epoll_create1(to_int(a));
        case SYS_epoll_ctl:
            return alpine_epoll_ctl(to_int(a), to_int(b), to_int(c), at<epoll_event>(d));
        case SYS_epoll_wait:
            return alpine_epoll_wait(to_int(a), at<epoll_event>(b), to_int(c), to_int(d));
        case SYS_epoll_pwait:
            return alpine_epoll_pwait(to_int(a), at<epoll_event>(b), to_int(c), to_int(d), at<sigset_t>(e));
        case SYS_epoll_pwait2:
            return alpine_epoll_pwait2(to_int(a), at<epoll_event>(b), to_int(c), at<timespec>(d), at<sigset_t>(e));
        case SYS_io_uring_setup:
            return answer<long>(-ENOSYS);  // rings would reach the dummies; libraries fall back to plain calls
        case SYS_exit_group:
            alpine__exit(to_int(a));
        default:
            return answer<long>(raw_syscall(number, a, b, c, d, e, f));
    }
}

extern "C" __attribute__((visibility("hidden"))) long alpine_syscall_error(long error) { return answer<long>(error); }

// vfork, clone, fork, clone3 and rt_sigreturn are made in place, without a frame: 15, 56, 57, 58, 435.
asm(R"(
    .text
    .globl syscall
    .type syscall, @function
syscall:
    .cfi_startproc
    cmp $15, %rdi
    je 1f
    cmp $435, %rdi
    je 1f
    lea -56(%rdi), %rax
    cmp $2, %rax
    ja alpine_syscall_by_number
1:  mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    mov %r9, %r8
    mov 8(%rsp), %r9
    syscall
    cmp $-4095, %rax
    jae 2f
    ret
2:  mov %rax, %rdi
    jmp alpine_syscall_error
    .cfi_endproc
    .size syscall, .-syscall
)");

}  // namespace alp::calls
