// SPDX-License-Identifier: GPL-2.0
// Theory of operation
//
// The array is split into the host's entries and the stack's (an epoll instance with a half on each side is in
// both). Both are asked with a timeout of zero; if neither has anything, the thread blocks in the stack's ppoll,
// which also ends when a host descriptor becomes ready (stack::call_watching); then the numbers are looked at anew, as
// the kernel does whenever it wakes, and both are asked again. Entries that are all the stack's need no asking before.
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
enum Half : std::uint8_t { kNone = 0, kHost = 1, kStack = 2, kInvalid = 4 };

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
            return is_private(fd) ? kInvalid : kHost;
    }
}

/// The entries of one wait, split.
class SplitPoll {
public:
    SplitPoll(pollfd* entries, nfds_t count)
        : entries_(entries), count_(count), host_(count), stack_(count), halves_(count) {}

    /// False when memory is exhausted.
    [[nodiscard]] bool has_memory() {
        return host_.get() != nullptr && stack_.get() != nullptr && halves_.get() != nullptr;
    }

    void split() {
        host_count_ = stack_count_ = 0;
        any_invalid_ = false;
        for (nfds_t i = 0; i < count_; ++i) {
            halves_[i] = halves_of(entries_[i].fd);
            if ((halves_[i] & kHost) != 0) {
                host_[host_count_++] = entries_[i];
            }
            if ((halves_[i] & kStack) != 0) {
                stack_[stack_count_++] = entries_[i];
            }
            any_invalid_ = any_invalid_ || halves_[i] == kInvalid;
        }
    }

    long ask_host() {
        return host_count_ == 0 ? 0 : raw_syscall(SYS_poll, arg(host_.get()), static_cast<long>(host_count_), 0);
    }

    long ask_stack() {
        return stack_count_ == 0 ? 0 : stack::call(SYS_poll, arg(stack_.get()), static_cast<long>(stack_count_), 0);
    }

    long block(timespec* limit) {
        bool host_ready = false;
        return stack::call_watching(host_.get(), host_count_, &host_ready, SYS_ppoll, arg(stack_.get()),
                                    static_cast<long>(stack_count_), arg(limit), 0, sizeof(std::uint64_t));
    }

    /// Is a number no longer what it was at the split? The kernel looks at each anew whenever it wakes.
    [[nodiscard]] bool is_outdated() {
        for (nfds_t i = 0; i < count_; ++i) {
            if (halves_of(entries_[i].fd) != halves_[i]) {
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] bool any_invalid() const { return any_invalid_; }
    [[nodiscard]] bool all_in_stack() const { return host_count_ == 0; }

    /// Puts what both said into the program's array. The number of ready entries.
    long merge() {
        long ready = 0;
        nfds_t host = 0;
        nfds_t stack = 0;
        for (nfds_t i = 0; i < count_; ++i) {
            short events = halves_[i] == kInvalid ? POLLNVAL : 0;
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
    bool any_invalid_ = false;
    Scratch<pollfd, kInlineEntries> host_;
    Scratch<pollfd, kInlineEntries> stack_;
    Scratch<std::uint8_t, kInlineEntries> halves_;
};

bool is_error(long result) { return result < 0 && result != -EINTR && !is_restart_code(result); }

/// All entries are the stack's: one call does it, unless a number changes its meaning.
long wait_in_stack(WaitWindow& window, SplitPoll& poll, const Deadline& deadline, bool* blocked) {
    *blocked = true;
    const timespec left = deadline.remaining();
    const long result = poll.block(window.limit(left));
    hold_while_exiting();
    check_cancelled();
    if (is_error(result)) {
        return result;
    }
    return result > 0 && !poll.is_outdated() ? poll.merge() : 0;
}

long wait_split(WaitWindow& window, SplitPoll& poll, const Deadline& deadline, bool* blocked) {
    for (;;) {
        poll.split();
        // Asking the host costs a system call, and the stack's own call can wait as well as ask.
        if (poll.all_in_stack() && !poll.any_invalid()) {
            const long result = wait_in_stack(window, poll, deadline, blocked);
            if (result != 0) {
                return result;
            }
            if (WaitWindow::interrupted()) {
                return -EINTR;
            }
            if (!deadline.infinite() && is_zero(deadline.remaining())) {
                return poll.merge();
            }
            continue;
        }
        const long host = poll.ask_host();
        const long stack = poll.ask_stack();
        if (is_error(stack)) {
            return stack;
        }
        if (poll.is_outdated()) {
            continue;
        }
        if (host > 0 || stack > 0 || poll.any_invalid()) {
            return poll.merge();
        }
        if (WaitWindow::interrupted()) {
            return -EINTR;
        }
        const timespec left = deadline.remaining();
        if (is_zero(left)) {
            return poll.merge();
        }
        *blocked = true;
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

bool concerns_alpine(int fd) { return (halves_of(fd) & (kStack | kInvalid)) != 0; }

long wait_for_any(pollfd* entries, nfds_t count, const Deadline& deadline, const sigset_t* mask, bool* blocked) {
    bool slept = false;
    SplitPoll poll(entries, count);
    if (!poll.has_memory()) {
        return -ENOMEM;
    }
    begin_wait();
    WaitWindow window(mask);
    const long result = wait_split(window, poll, deadline, &slept);
    if (blocked != nullptr) {
        *blocked = slept;
    }
    return window.finish(result);
}

}  // namespace alp::calls
