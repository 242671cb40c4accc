// SPDX-License-Identifier: GPL-2.0
// poll, ppoll, select and pselect.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/fork.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"
#include "calls/wait.h"

namespace alp::calls {

namespace {

constexpr unsigned kSignalSetBytes = 8;

// What select(2) calls readable, writable and exceptional (fs/select.c).
constexpr short kReadEvents = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR;
constexpr short kWriteEvents = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR;
constexpr short kExceptEvents = POLLPRI;

/// Does any of these concern the stack? Epoll instances without a half there do not.
bool concerns_stack(const pollfd* entries, nfds_t count) {
    for (nfds_t i = 0; i < count; ++i) {
        const Kind kind = kind_of(entries[i].fd);
        if (kind == Kind::socket || kind == Kind::file || kind == Kind::mixed_epoll) {
            return true;
        }
    }
    return false;
}

/// The array is for the kernels to check; a program may not have more entries than descriptors.
bool is_too_long(nfds_t count) {
    rlimit limit{};
    return count > 1024 && raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, arg(&limit)) == 0 && count > limit.rlim_cur;
}

long poll_until(pollfd* entries, nfds_t count, timespec* timeout, const sigset_t* mask) {
    if (!stack::running() || is_too_long(count) || !concerns_stack(entries, count)) {
        return host_call(SYS_ppoll, arg(entries), static_cast<long>(count), arg(timeout), arg(mask), kSignalSetBytes);
    }
    if (!is_valid(timeout)) {
        return -EINVAL;
    }
    const Deadline deadline(timeout);
    const long result = wait_for_any(entries, count, deadline, mask);
    if (timeout != nullptr) {
        *timeout = deadline.remaining();
    }
    return result;
}

long poll_for(pollfd* entries, nfds_t count, int timeout_ms) {
    if (!stack::running() || is_too_long(count) || !concerns_stack(entries, count)) {
        return host_call(SYS_poll, arg(entries), static_cast<long>(count), timeout_ms);
    }
    return wait_for_any(entries, count, Deadline::after_ms(timeout_ms), nullptr);
}

/// The bits of a set, whatever its size: a program may use more than FD_SETSIZE.
class Bits {
public:
    explicit Bits(fd_set* set) : words_(reinterpret_cast<unsigned long*>(set)) {}
    [[nodiscard]] bool test(int fd) const { return words_ != nullptr && ((words_[fd / 64] >> (fd % 64)) & 1) != 0; }
    void set(int fd) { words_[fd / 64] |= 1UL << (fd % 64); }
    void clear(int count) {
        if (words_ != nullptr) {
            memset(words_, 0, static_cast<std::size_t>((count + 63) / 64) * 8);
        }
    }

private:
    unsigned long* words_;
};

/// The three sets of one select().
struct Sets {
    Bits read;
    Bits write;
    Bits except;

    [[nodiscard]] short events(int fd) const {
        return static_cast<short>((read.test(fd) ? kReadEvents : 0) | (write.test(fd) ? kWriteEvents : 0) |
                                  (except.test(fd) ? kExceptEvents : 0));
    }
};

bool concerns_stack(int count, const Sets& sets) {
    const int end = static_cast<int>(table_end());
    for (int fd = 0; fd < count && fd < end; ++fd) {
        const Kind kind = kind_of(fd);
        if ((kind == Kind::socket || kind == Kind::file || kind == Kind::mixed_epoll) && sets.events(fd) != 0) {
            return true;
        }
    }
    return false;
}

/// Entry `fd` of a select() in poll()'s terms. POLLHUP and POLLERR come unasked, so only the asked-for side counts.
int put_result(const pollfd& entry, short wanted, Sets& sets) {
    int bits = 0;
    if ((wanted & kReadEvents & POLLIN) != 0 && (entry.revents & kReadEvents) != 0) {
        sets.read.set(entry.fd);
        ++bits;
    }
    if ((wanted & kWriteEvents & POLLOUT) != 0 && (entry.revents & kWriteEvents) != 0) {
        sets.write.set(entry.fd);
        ++bits;
    }
    if ((wanted & kExceptEvents) != 0 && (entry.revents & kExceptEvents) != 0) {
        sets.except.set(entry.fd);
        ++bits;
    }
    return bits;
}

long select_by_poll(int count, Sets& sets, const Deadline& deadline, const sigset_t* mask) {
    Scratch<pollfd, 128> entries(static_cast<std::size_t>(count));
    if (entries.get() == nullptr) {
        return -ENOMEM;
    }
    nfds_t used = 0;
    for (int fd = 0; fd < count; ++fd) {
        const short events = sets.events(fd);
        if (events != 0) {
            entries[used++] = pollfd{fd, events, 0};
        }
    }
    const long ready = wait_for_any(entries.get(), used, deadline, mask);
    if (ready < 0) {
        return ready;
    }
    for (nfds_t i = 0; i < used; ++i) {
        if ((entries[i].revents & POLLNVAL) != 0) {
            return -EBADF;
        }
    }
    sets.read.clear(count);
    sets.write.clear(count);
    sets.except.clear(count);
    long bits = 0;
    for (nfds_t i = 0; i < used; ++i) {
        bits += put_result(entries[i], entries[i].events, sets);
    }
    return bits;
}

long select_until(int count, fd_set* read, fd_set* write, fd_set* except, timespec* timeout, const sigset_t* mask,
                  bool* handled) {
    Sets sets{Bits(read), Bits(write), Bits(except)};
    *handled = stack::running() && count > 0 && concerns_stack(count, sets);
    if (!*handled) {
        return 0;
    }
    if (!is_valid(timeout)) {
        return -EINVAL;
    }
    const Deadline deadline(timeout);
    const long result = select_by_poll(count, sets, deadline, mask);
    if (timeout != nullptr) {
        *timeout = deadline.remaining();
    }
    return result;
}

}  // namespace

ALPINE_SYSTEM_CALL(int, poll, (pollfd * entries, nfds_t count, int timeout_ms), (entries, count, timeout_ms)) {
    return poll_for(entries, count, timeout_ms);
}

ALPINE_CALL(int, __poll_chk, pollfd* entries, nfds_t count, int timeout_ms, std::size_t room) {
    if (room / sizeof(pollfd) < count) {
        abort();  // as glibc's fortified poll() does
    }
    return answer(poll_for(entries, count, timeout_ms));
}

long sys_ppoll(pollfd* entries, nfds_t count, timespec* timeout, const sigset_t* mask) {
    return poll_until(entries, count, timeout, mask);
}

ALPINE_CALL(int, ppoll, pollfd* entries, nfds_t count, const timespec* timeout, const sigset_t* mask) {
    timespec copy{};
    if (timeout != nullptr) {
        copy = *timeout;  // the kernel writes what is left into it, libc's callers do not expect that
    }
    const Explained explained(SYS_ppoll);
    return answer(explained.done(sys_ppoll(entries, count, timeout != nullptr ? &copy : nullptr, mask)));
}

ALPINE_CALL(int, __ppoll_chk, pollfd* entries, nfds_t count, const timespec* timeout, const sigset_t* mask,
            std::size_t room) {
    if (room / sizeof(pollfd) < count) {
        abort();  // as glibc's fortified ppoll() does
    }
    return alpine_ppoll(entries, count, timeout, mask);
}

ALPINE_SYSTEM_CALL(int, select, (int count, fd_set* read, fd_set* write, fd_set* except, timeval* timeout),
                   (count, read, write, except, timeout)) {
    timespec limit{};
    if (timeout != nullptr) {
        if (timeout->tv_sec < 0 || timeout->tv_usec < 0) {
            return -EINVAL;
        }
        limit.tv_sec = timeout->tv_sec + timeout->tv_usec / 1'000'000;  // as glibc, which lets tv_usec overflow
        limit.tv_nsec = timeout->tv_usec % 1'000'000 * 1000;
    }
    bool handled;
    const long result =
        select_until(count, read, write, except, timeout != nullptr ? &limit : nullptr, nullptr, &handled);
    if (!handled) {
        return host_call(SYS_select, count, arg(read), arg(write), arg(except), arg(timeout));
    }
    if (timeout != nullptr) {
        *timeout = timeval{limit.tv_sec, limit.tv_nsec / 1000};
    }
    return result;
}

long sys_pselect(int count, fd_set* read, fd_set* write, fd_set* except, timespec* timeout, const sigset_t* mask) {
    bool handled;
    const long result = select_until(count, read, write, except, timeout, mask, &handled);
    if (!handled) {
        const struct {
            const sigset_t* mask;
            std::size_t len;
        } window{mask, kSignalSetBytes};
        return host_call(SYS_pselect6, count, arg(read), arg(write), arg(except), arg(timeout), arg(&window));
    }
    return result;
}

ALPINE_CALL(int, pselect, int count, fd_set* read, fd_set* write, fd_set* except, const timespec* timeout,
            const sigset_t* mask) {
    timespec copy{};
    if (timeout != nullptr) {
        copy = *timeout;  // pselect(2) leaves the caller's alone
    }
    const Explained explained(SYS_pselect6);
    return answer(explained.done(sys_pselect(count, read, write, except, timeout != nullptr ? &copy : nullptr, mask)));
}

}  // namespace alp::calls
