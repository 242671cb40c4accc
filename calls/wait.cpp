// SPDX-License-Identifier: GPL-2.0
// Theory of operation
//
// The array is split into the host's entries and the stack's (an epoll instance with a half on each side is in
// both). Both are asked with a timeout of zero; if neither has anything, the thread blocks in the stack's ppoll,
// which also ends when a host descriptor becomes ready (stack::call_watching); then both are asked again. Entries
// that are all the stack's need no splitting: its ppoll gets the program's own array.
//
// All of it happens inside a WaitWindow, so a signal ends it with EINTR wherever it finds the thread.
#include "calls/wait.h"

#include <errno.h>

#include "calls/descriptors.h"
#include "calls/signals.h"
#include "calls/stack_call.h"

namespace alp::calls {

namespace {

constexpr std::size_t kInlineEntries = 64;
constexpr time_t kVeryLongS = 10L * 365 * 24 * 3600;
constexpr long kNsPerS = 1'000'000'000L;

/// Which kernels an entry concerns.
enum Half : std::uint8_t { kNone = 0, kHost = 1, kStack = 2 };

std::uint8_t halves_of(int fd) {
    if (fd < 0) {
        return kNone;
    }
    switch (kind_of(fd)) {
        case Kind::socket:
        case Kind::file:
            return kStack;
        case Kind::mixed_epoll:
            return kHost | kStack;
        default:
            return kHost;
    }
}

/// The entries of one wait, split.
class SplitPoll {
public:
    SplitPoll(pollfd* entries, nfds_t count)
        : entries_(entries), count_(count), host_(count), stack_(count), halves_(count) {}

    /// False when memory is exhausted.
    [[nodiscard]] bool split() {
        if (host_.get() == nullptr || stack_.get() == nullptr || halves_.get() == nullptr) {
            return false;
        }
        for (nfds_t i = 0; i < count_; ++i) {
            halves_[i] = halves_of(entries_[i].fd);
            if ((halves_[i] & kHost) != 0) {
                host_[host_count_++] = entries_[i];
            }
            if ((halves_[i] & kStack) != 0) {
                stack_[stack_count_++] = entries_[i];
            }
        }
        return true;
    }

    long ask_host() {
        return host_count_ == 0 ? 0 : raw_syscall(SYS_poll, arg(host_.get()), static_cast<long>(host_count_), 0);
    }

    long ask_stack() { return stack::call(SYS_poll, arg(stack_.get()), static_cast<long>(stack_count_), 0); }

    long block(timespec* limit) {
        bool host_ready = false;
        return stack::call_watching(host_.get(), host_count_, &host_ready, SYS_ppoll, arg(stack_.get()),
                                    static_cast<long>(stack_count_), arg(limit), 0, sizeof(std::uint64_t));
    }

    /// Puts what both said into the program's array. The number of ready entries.
    long merge() {
        long ready = 0;
        nfds_t host = 0;
        nfds_t stack = 0;
        for (nfds_t i = 0; i < count_; ++i) {
            short events = 0;
            if ((halves_[i] & kHost) != 0) {
                events = static_cast<short>(events | host_[host++].revents);
            }
            if ((halves_[i] & kStack) != 0) {
                events = static_cast<short>(events | stack_[stack++].revents);
            }
            entries_[i].revents = events;
            ready += events != 0 ? 1 : 0;
        }
        return ready;
    }

private:
    pollfd* entries_;
    nfds_t count_;
    nfds_t host_count_ = 0;
    nfds_t stack_count_ = 0;
    Scratch<pollfd, kInlineEntries> host_;
    Scratch<pollfd, kInlineEntries> stack_;
    Scratch<std::uint8_t, kInlineEntries> halves_;
};

bool all_in_stack(const pollfd* entries, nfds_t count) {
    for (nfds_t i = 0; i < count; ++i) {
        if ((halves_of(entries[i].fd) & kHost) != 0) {
            return false;
        }
    }
    return true;
}

long wait_in_stack(WaitWindow& window, pollfd* entries, nfds_t count, const Deadline& deadline) {
    for (;;) {
        const timespec left = deadline.remaining();
        const long result = stack::call(SYS_ppoll, arg(entries), static_cast<long>(count), arg(window.limit(left)), 0,
                                        sizeof(std::uint64_t));
        if (result > 0 || (result < 0 && result != -EINTR && !is_restart_code(result))) {
            return result;
        }
        check_cancelled();
        if (WaitWindow::interrupted()) {
            return -EINTR;
        }
        if (!deadline.infinite() && is_zero(deadline.remaining())) {
            return 0;
        }
    }
}

long wait_in_both(WaitWindow& window, pollfd* entries, nfds_t count, const Deadline& deadline) {
    SplitPoll poll(entries, count);
    if (!poll.split()) {
        return -ENOMEM;
    }
    for (;;) {
        const long host = poll.ask_host();
        const long stack = poll.ask_stack();
        if (host > 0 || stack > 0) {
            return poll.merge();
        }
        if (stack < 0 && !is_restart_code(stack) && stack != -EINTR) {
            return stack;
        }
        if (WaitWindow::interrupted()) {
            return -EINTR;
        }
        const timespec left = deadline.remaining();
        if (is_zero(left)) {
            return poll.merge();
        }
        poll.block(window.limit(left));
        hold_while_exiting();
        check_cancelled();
    }
}

}  // namespace

Deadline::Deadline(const timespec* timeout) : infinite_(timeout == nullptr) {
    // A timeout of zero is in the past already: no need to look at the clock.
    if (timeout == nullptr || is_zero(*timeout)) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &end_);
    if (__builtin_add_overflow(end_.tv_sec, timeout->tv_sec, &end_.tv_sec)) {
        infinite_ = true;
        return;
    }
    end_.tv_nsec += timeout->tv_nsec;
    if (end_.tv_nsec >= kNsPerS) {
        end_.tv_nsec -= kNsPerS;
        ++end_.tv_sec;
    }
}

Deadline Deadline::after_ms(int timeout_ms) {
    if (timeout_ms < 0) {
        return Deadline(nullptr);
    }
    const timespec timeout{timeout_ms / 1000, (timeout_ms % 1000) * 1'000'000L};
    return Deadline(&timeout);
}

timespec Deadline::remaining() const {
    if (infinite_) {
        return timespec{kVeryLongS, 0};
    }
    if (is_zero(end_)) {
        return timespec{0, 0};
    }
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    timespec left{end_.tv_sec - now.tv_sec, end_.tv_nsec - now.tv_nsec};
    if (left.tv_nsec < 0) {
        left.tv_nsec += kNsPerS;
        --left.tv_sec;
    }
    if (left.tv_sec < 0) {
        return timespec{0, 0};
    }
    return left.tv_sec > kVeryLongS ? timespec{kVeryLongS, 0} : left;
}

long wait_for_any(pollfd* entries, nfds_t count, const Deadline& deadline, const sigset_t* mask) {
    begin_wait();
    WaitWindow window(mask);
    const long result = all_in_stack(entries, count) ? wait_in_stack(window, entries, count, deadline)
                                                     : wait_in_both(window, entries, count, deadline);
    return window.finish(result);
}

}  // namespace alp::calls
