// SPDX-License-Identifier: GPL-2.0
#include "stack/host/private_fd.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstdint>

#include "base/raw_syscall.h"
#include "stack/host/stack.h"

namespace alp::stack {

namespace {

constexpr int kMaxFd = 1 << 20;
constexpr int kBits = 64;
constexpr int kFirstPrivate = 900;  // below the usual soft limit of 1024, above what programs mostly use

std::atomic<std::uint64_t> private_fds[kMaxFd / kBits];
std::atomic<std::uint64_t> kept_fds[kMaxFd / kBits];  // of them, those that a forked child has as well

bool is_in(const std::atomic<std::uint64_t>* set, int fd) {
    return fd >= 0 && fd < kMaxFd && (set[fd / kBits].load() >> (fd % kBits) & 1) != 0;
}

void take_out(std::atomic<std::uint64_t>* set, int fd) {
    if (is_in(set, fd)) {
        set[fd / kBits].fetch_and(~(std::uint64_t{1} << (fd % kBits)));
    }
}

}  // namespace

int lowest_private = kMaxFd;
int highest_private = -1;

void note_private_fd(int fd) {
    if (fd >= 0 && fd < kMaxFd) {
        if (fd < lowest_private_fd()) {
            __atomic_store_n(&lowest_private, fd, __ATOMIC_RELAXED);
        }
        if (fd > highest_private) {
            __atomic_store_n(&highest_private, fd, __ATOMIC_RELAXED);
        }
        private_fds[fd / kBits].fetch_or(std::uint64_t{1} << (fd % kBits));
    }
}

int adopt_private_fd(int fd) {
    if (fd < 0) {
        return fd;
    }
    const int moved = static_cast<int>(raw_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kFirstPrivate));
    if (moved >= 0) {
        raw_syscall(SYS_close, fd);
        fd = moved;
    }
    note_private_fd(fd);
    return fd;
}

void keep_over_fork(int fd) {
    if (fd >= 0 && fd < kMaxFd) {
        kept_fds[fd / kBits].fetch_or(std::uint64_t{1} << (fd % kBits));
    }
}

bool is_kept_over_fork(int fd) { return is_in(kept_fds, fd); }

void forget_private_fd(int fd) {
    take_out(private_fds, fd);
    take_out(kept_fds, fd);
}

bool is_private_fd(int fd) { return is_in(private_fds, fd); }

}  // namespace alp::stack
