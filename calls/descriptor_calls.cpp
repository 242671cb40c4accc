// SPDX-License-Identifier: GPL-2.0
// close, close_range, dup and their like: the calls that make and unmake numbers on both sides.
//
// The order is always the same. A number comes from the host first, then the stack gets the same, then the table
// says so. It goes the other way round: stack, table, host. So no number is ever the host's to give out while the
// stack or the table still holds something under it.
#include "calls/descriptor_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "calls/claims.h"
#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/groups.h"
#include "calls/passing.h"
#include "calls/process.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

/// The open file whose last number went: what it held goes too.
void let_go(OpenFile* file) {
    if (file != nullptr) {
        drop_claim(*file);
        leave_groups(*file);
        recycle(file);
    }
}

/// Takes `fd` away from the stack and the table, but leaves the host's descriptor. The open file, if that was
/// its last number.
OpenFile* detach(int fd, long* result) {
    stack::note_close();
    *result = kind_of(fd) == Kind::epoll || lost_stack() ? 0 : stack_call(SYS_close, fd);
    return remove(fd);
}

/// dup3() where at least one of the two numbers is not the host's.
long duplicate_onto(int from, int to, int flags) {
    if (is_foreign_process()) {
        return raw_syscall(SYS_dup3, from, to, flags);
    }
    if (is_private(to) || is_private(from)) {
        return refuse(-EBADF, kPrivateReason);
    }
    if (raw_syscall(SYS_fcntl, from, F_GETFD) < 0 || (flags & ~O_CLOEXEC) != 0) {
        return raw_syscall(SYS_dup3, from, to, flags);  // which says what is wrong
    }
    OpenFile* replaced = nullptr;
    if (!is_host(to)) {
        long ignored;
        replaced = detach(to, &ignored);
    }
    long copy = raw_syscall(SYS_dup3, from, to, flags);
    let_go(replaced);
    if (copy >= 0 && !is_host(from)) {
        copy = attach_copy(from, to);
        if (copy < 0) {
            raw_syscall(SYS_close, to);
        }
    }
    return copy;
}

long close_range_of(unsigned first, unsigned last, int flags) {
    // Marking Alpine's own descriptors close-on-exec does no harm: they are.
    const bool only_host = (flags & CLOSE_RANGE_CLOEXEC) != 0 || first > last || !stack::running();
    if (only_host || is_foreign_process()) {
        if (first <= last && (flags & CLOSE_RANGE_CLOEXEC) == 0 && !is_foreign_process()) {
            for_each_descriptor(first, last, [](int fd, Kind) { close_stack_descriptor(fd); });
        }
        return raw_syscall(SYS_close_range, first, last, flags);
    }
    if ((flags & ~CLOSE_RANGE_UNSHARE) != 0) {
        return -EINVAL;
    }
    for_each_descriptor(first, last, [](int fd, Kind) { close_stack_descriptor(fd); });
    return close_host_range(first, last);
}

}  // namespace

long close_host_range(unsigned first, unsigned last) {
    rlimit limit{};
    raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, arg(&limit));
    const unsigned end = limit.rlim_cur < kTableSize ? static_cast<unsigned>(limit.rlim_cur) : kTableSize;
    unsigned start = first;
    for (unsigned fd = first; fd <= last && fd < end; ++fd) {
        if (!is_private(static_cast<int>(fd))) {
            continue;
        }
        if (fd > start) {
            raw_syscall(SYS_close_range, start, fd - 1, 0);
        }
        start = fd + 1;
    }
    return start <= last ? raw_syscall(SYS_close_range, start, last, 0) : 0;
}

long close_stack_descriptor(int fd) {
    if (is_foreign_process()) {
        return raw_syscall(SYS_close, fd);
    }
    long result;
    OpenFile* last = detach(fd, &result);
    raw_syscall(SYS_close, fd);
    let_go(last);
    housekeeping_now_and_then();
    return is_restart_code(result) ? 0 : result;
}

long attach_copy(int fd, int copy) {
    if (copy >= kTableSize) {
        return -EMFILE;
    }
    const Kind kind = kind_of(fd);
    if (kind == Kind::host) {
        return -EBADF;  // closed by another thread meanwhile
    }
    OpenFile* file = file_of(fd);
    if (kind != Kind::epoll && !lost_stack()) {
        const long copied = stack_call(SYS_dup2, fd, copy);
        if (copied < 0) {
            return copied;
        }
    }
    install(copy, kind, file);
    return copy;
}

long duplicate_from(int fd, int command, int lowest) {
    long copy = raw_syscall(SYS_fcntl, fd, command, lowest);
    if (copy >= 0 && !is_foreign_process()) {
        const long error = attach_copy(fd, static_cast<int>(copy));
        if (error < 0) {
            raw_syscall(SYS_close, copy);
            return error;
        }
    }
    return copy;
}

ALPINE_SYSTEM_CALL(int, close, (int fd), (fd)) {
    if (__builtin_expect(is_vfork_child(), 0)) {
        return is_private(fd) ? refuse(-EBADF, kPrivateReason) : vfork_child_close(fd);
    }
    if (!is_host(fd)) {
        return close_stack_descriptor(fd);
    }
    if (is_private(fd)) {
        return refuse(-EBADF, kPrivateReason);
    }
    const long result = host_call(SYS_close, fd);
    forget_lost_tickets_if_any();
    return result;
}

ALPINE_SYSTEM_CALL(int, close_range, (unsigned first, unsigned last, int flags), (first, last, flags)) {
    if (__builtin_expect(is_vfork_child(), 0)) {
        return vfork_child_close_range(first, last, flags);
    }
    const long result = close_range_of(first, last, flags);
    forget_lost_tickets_if_any();
    return result;
}

ALPINE_SYSTEM_CALL(int, dup, (int fd), (fd)) {
    if (__builtin_expect(is_vfork_child(), 0)) {
        return is_private(fd) ? refuse(-EBADF, kPrivateReason) : vfork_child_dup(fd, F_DUPFD, 0);
    }
    if (!is_host(fd)) {
        return duplicate_from(fd, F_DUPFD, 0);
    }
    return is_private(fd) ? refuse(-EBADF, kPrivateReason) : raw_syscall(SYS_dup, fd);
}

ALPINE_SYSTEM_CALL(int, dup2, (int from, int to), (from, to)) {
    if (__builtin_expect(is_vfork_child(), 0)) {
        return is_private(from) || is_private(to) ? refuse(-EBADF, kPrivateReason) : vfork_child_dup_onto(from, to, 0);
    }
    if (from == to || (is_host(from) && is_host(to) && !is_private(to))) {
        const long result = raw_syscall(SYS_dup2, from, to);
        forget_lost_tickets_if_any();
        return result;
    }
    return duplicate_onto(from, to, 0);
}

ALPINE_SYSTEM_CALL(int, dup3, (int from, int to, int flags), (from, to, flags)) {
    if (__builtin_expect(is_vfork_child(), 0)) {
        const bool hidden = is_private(from) || is_private(to);
        return hidden       ? refuse(-EBADF, kPrivateReason)
               : from == to ? raw_syscall(SYS_dup3, from, to, flags)
                            : vfork_child_dup_onto(from, to, flags);
    }
    if (from == to || (is_host(from) && is_host(to) && !is_private(to))) {
        const long result = raw_syscall(SYS_dup3, from, to, flags);
        forget_lost_tickets_if_any();
        return result;
    }
    return duplicate_onto(from, to, flags);
}

}  // namespace alp::calls
