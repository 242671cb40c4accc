// SPDX-License-Identifier: GPL-2.0
#include "stack/host/own_table.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/raw_syscall.h"

namespace alp::stack {

namespace {

void close_from_to(int first, int last) {
    if (first <= last) {
        raw_syscall(SYS_close_range, first, last, CLOSE_RANGE_UNSHARE);
    }
}

}  // namespace

void leave_descriptor_table(std::initializer_list<int> kept) {
    int next = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) {
        int lowest = INT_MAX;
        for (const int fd : kept) {
            lowest = fd >= next ? std::min(lowest, fd) : lowest;
        }
        if (lowest != INT_MAX) {
            close_from_to(next, lowest - 1);
            next = lowest + 1;
        }
    }
    raw_syscall(SYS_close_range, next, ~0U, CLOSE_RANGE_UNSHARE);
}

UniqueFd borrow_descriptor(int fd) {
    const UniqueFd process(static_cast<int>(raw_syscall(SYS_pidfd_open, raw_syscall(SYS_getpid), 0)));
    return UniqueFd(static_cast<int>(raw_syscall(SYS_pidfd_getfd, process.get(), fd, 0)));
}

void write_to(int fd, const void* data, unsigned long len_bytes) {
    const long done = raw_syscall(SYS_write, fd, arg(data), static_cast<long>(len_bytes));
    // In a table of the thread's own the number may be that of something that cannot be written to.
    if (done < 0 && done != -EAGAIN) {
        const UniqueFd borrowed = borrow_descriptor(fd);
        raw_syscall(SYS_write, borrowed.get(), arg(data), static_cast<long>(len_bytes));
    }
}

void write_within(int limit_ms, int fd, const void* data, unsigned long len_bytes) {
    const UniqueFd borrowed = borrow_descriptor(fd);
    pollfd to{borrowed.valid() ? borrowed.get() : fd, POLLOUT, 0};
    if (raw_syscall(SYS_poll, arg(&to), 1, limit_ms) > 0) {
        raw_syscall(SYS_write, to.fd, arg(data), static_cast<long>(len_bytes));
    }
}

}  // namespace alp::stack
