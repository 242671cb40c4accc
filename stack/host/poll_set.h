// SPDX-License-Identifier: GPL-2.0
// One ppoll(2) over descriptors of the stack library and those that a program waits for besides.
//
// ppoll takes no more entries than the process may have descriptors (EINVAL). A sandbox may set that limit to 1 or 0,
// as sshd's does; its process leads the stack all the same when its turn comes. pselect6(2) has no such limit.
#pragma once

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "base/raw_syscall.h"
#include "stack/host/clock.h"

namespace alp::stack {

class PollSet {
public:
    /// `own` are watched for input (a negative one is none), `watched` for what they say.
    PollSet(std::initializer_list<int> own, const pollfd* watched, nfds_t watched_count)
        : own_count_(own.size()), count_(own.size() + watched_count) {
        fds_ = count_ <= kInline ? inline_ : map();
        if (fds_ == nullptr) {
            return;
        }
        std::transform(own.begin(), own.end(), fds_, [](int fd) { return pollfd{fd, POLLIN, 0}; });
        std::copy_n(watched, watched_count, fds_ + own_count_);
    }
    ~PollSet() {
        if (fds_ != nullptr && fds_ != inline_) {
            raw_syscall(SYS_munmap, arg(fds_), bytes());
        }
    }
    PollSet(const PollSet&) = delete;
    PollSet& operator=(const PollSet&) = delete;

    /// Asks again and again until one is ready, a signal comes, or at `until_ns`. False: at `until_ns`.
    bool wait_busily(std::uint64_t until_ns) {
        do {
            wait(0);
        } while (result_ == 0 && monotonic_ns() < until_ns);
        return result_ != 0;
    }

    /// Until one is ready, a signal comes or the deadline passes.
    void wait(std::uint64_t deadline_ns) {
        const std::uint64_t now = deadline_ns == kNever ? 0 : monotonic_ns();
        timespec left = to_timespec(deadline_ns > now ? deadline_ns - now : 0);
        if (fds_ != nullptr) {
            const long limit = deadline_ns == kNever ? 0 : arg(&left);
            result_ = raw_syscall(SYS_ppoll, arg(fds_), static_cast<long>(count_), limit, 0, 0);
            if (__builtin_expect(result_ == -EINVAL, 0)) {
                result_ = select(limit);
            }
        }
    }

    [[nodiscard]] bool own_is_ready(nfds_t index) const { return result_ > 0 && (fds_[index].revents & POLLIN) != 0; }

    /// The other end has gone for good: it would be "ready" for ever.
    [[nodiscard]] bool own_is_gone(nfds_t index) const {
        return result_ > 0 && (fds_[index].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    }

    /// Also when they could not be watched (no memory, one is closed): the program's call then asks for itself, again
    /// and again.
    [[nodiscard]] bool watched_is_ready() const {
        if (result_ == -ENOMEM || result_ == -EINVAL || result_ == -EBADF) {
            return true;
        }
        return result_ > 0 &&
               std::any_of(fds_ + own_count_, fds_ + count_, [](const pollfd& fd) { return fd.revents != 0; });
    }

private:
    static constexpr nfds_t kInline = 256;
    static constexpr int kMostSelected = 4096; /* descriptors have smaller numbers where so few are allowed */
    static constexpr int kWordBits = 64;

    struct Set {
        std::uint64_t words[kMostSelected / kWordBits] = {};
        void add(int fd) { words[fd / kWordBits] |= std::uint64_t{1} << (fd % kWordBits); }
        [[nodiscard]] bool has(int fd) const { return (words[fd / kWordBits] >> (fd % kWordBits) & 1) != 0; }
    };

    /// The same wait by pselect6: what it calls readable or writable may also be an error or the end.
    long select(long limit) {
        Set read;
        Set write;
        Set urgent;
        int end = 0;
        for (nfds_t i = 0; i < count_; ++i) {
            const pollfd& entry = fds_[i];
            if (entry.fd >= kMostSelected) {
                return -EINVAL;
            }
            if (entry.fd < 0) {
                continue;
            }
            end = std::max(end, entry.fd + 1);
            if ((entry.events & POLLIN) != 0) {
                read.add(entry.fd);
            }
            if ((entry.events & POLLOUT) != 0) {
                write.add(entry.fd);
            }
            if ((entry.events & POLLPRI) != 0) {
                urgent.add(entry.fd);
            }
        }
        const long result = raw_syscall(SYS_pselect6, end, arg(&read), arg(&write), arg(&urgent), limit, 0);
        for (nfds_t i = 0; i < count_ && result > 0; ++i) {
            pollfd& entry = fds_[i];
            if (entry.fd >= 0) {
                entry.revents =
                    static_cast<short>((read.has(entry.fd) ? POLLIN : 0) | (write.has(entry.fd) ? POLLOUT : 0) |
                                       (urgent.has(entry.fd) ? POLLPRI : 0));
            }
        }
        return result;
    }

    [[nodiscard]] long bytes() const { return static_cast<long>(count_ * sizeof(pollfd)); }

    pollfd* map() {
        const long mapped =
            raw_syscall(SYS_mmap, 0, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped < 0) {
            result_ = -ENOMEM;
            return nullptr;
        }
        return reinterpret_cast<pollfd*>(mapped);
    }

    nfds_t own_count_;
    nfds_t count_;
    pollfd* fds_ = nullptr;
    long result_ = 0;  ///< of ppoll
    pollfd inline_[kInline];
};

}  // namespace alp::stack
