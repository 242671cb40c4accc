// SPDX-License-Identifier: GPL-2.0
// UniqueFd: sole owner of one host file descriptor.
#pragma once

#include <sys/syscall.h>

#include <utility>

#include "base/raw_syscall.h"

namespace alp {

/// Owns a host descriptor and closes it when it goes out of scope. Moves, never copies. Closing goes straight
/// to the host kernel (not through libc's close), so that it means the same inside the preloaded library.
class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    /// Gives up ownership; the caller closes.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

    void reset(int fd = -1) {
        const int old = std::exchange(fd_, fd);
        if (old >= 0) {
            raw_syscall(SYS_close, old);
        }
    }

private:
    int fd_ = -1;
};

}  // namespace alp
