// SPDX-License-Identifier: GPL-2.0
// Waiting for descriptors of both kernels at once: what poll, select and epoll_wait have in common.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include <cstddef>

#include "base/raw_syscall.h"

namespace alp::calls {

/// The end of a wait, as an absolute time.
class Deadline {
public:
    /// From a relative timeout; null: never.
    explicit Deadline(const timespec* timeout);

    /// Milliseconds as poll(2) takes them; negative: never.
    static Deadline after_ms(int timeout_ms);

    [[nodiscard]] bool infinite() const { return infinite_; }

    /// What is left; zero when it has passed; a very long time when infinite.
    [[nodiscard]] timespec remaining() const;

private:
    bool infinite_;
    timespec end_{};
};

inline bool is_zero(const timespec& time) { return time.tv_sec == 0 && time.tv_nsec == 0; }

/// Is this a timeout the kernel would accept?
inline bool is_valid(const timespec* time) {
    return time == nullptr || (time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < 1'000'000'000L);
}

/// Has Alpine to answer for this number? Not for the host's, nor for an epoll instance without a half in the stack.
[[nodiscard]] bool concerns_alpine(int fd);

/// poll(2) over descriptors of both kernels; the semantics of ppoll(2) with `mask` (may be null). `entries` are not the
/// program's, which may be a bad pointer, but a copy of ours. Ready descriptors or -errno.
/// `*blocked`, if given, says whether the thread went to sleep.
long wait_for_any(pollfd* entries, nfds_t count, const Deadline& deadline, const sigset_t* mask,
                  bool* blocked = nullptr);

/// An array for the length of a call: on the stack when it is small, mapped when it is not. Never libc's heap:
/// a handler may run these calls while malloc is in progress.
template <typename T, std::size_t kInline>
class Scratch {
public:
    explicit Scratch(std::size_t count) {
        if (count > kInline) {
            mapped_bytes_ = count * sizeof(T);
            const long memory = raw_syscall(SYS_mmap, 0, static_cast<long>(mapped_bytes_), PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            data_ = memory < 0 ? nullptr : reinterpret_cast<T*>(memory);
        }
    }
    ~Scratch() {
        if (mapped_bytes_ != 0 && data_ != nullptr) {
            raw_syscall(SYS_munmap, arg(data_), static_cast<long>(mapped_bytes_));
        }
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    /// Null when memory is exhausted.
    [[nodiscard]] T* get() { return data_; }
    T& operator[](std::size_t index) { return data_[index]; }

private:
    T inline_[kInline];
    T* data_ = inline_;
    std::size_t mapped_bytes_ = 0;
};

}  // namespace alp::calls
