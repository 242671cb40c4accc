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

#include <algorithm>

#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/guard.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"
#include "calls/wait.h"

namespace alp::calls {

namespace {

constexpr unsigned kSignalSetBytes = 8;

// What select(2) calls readable, writable and exceptional (fs/select.c).
constexpr short kReadEvents = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR | POLLNVAL;
constexpr short kWriteEvents = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR | POLLNVAL;
constexpr short kExceptEvents = POLLPRI | POLLNVAL;

/// The program's array, copied.
class Entries {
public:
    Entries(pollfd* program, nfds_t count) : program_(program), count_(count), copy_(count) {}

    /// 0, -EFAULT or -ENOMEM.
    [[nodiscard]] long read() {
        if (copy_.get() == nullptr) {
            return -ENOMEM;
        }
        return guarded_copy(copy_.get(), program_, count_ * sizeof(pollfd)) ? 0 : -EFAULT;
    }

    /// Gives the program what is ready. `ready`, or -EFAULT.
    [[nodiscard]] long write(long ready) {
        for (nfds_t i = 0; i < count_ && ready >= 0; ++i) {
            if (!guarded_copy(&program_[i].revents, &copy_[i].revents, sizeof(short))) {
                return -EFAULT;
            }
        }
        return ready;
    }

    /// Is any of these for Alpine to answer?
    [[nodiscard]] bool concern_stack() {
        for (nfds_t i = 0; i < count_; ++i) {
            if (concerns_alpine(copy_[i].fd)) {
                return true;
            }
        }
        return false;
    }

    pollfd* get() { return copy_.get(); }

private:
    pollfd* program_;
    nfds_t count_;
    Scratch<pollfd, 32> copy_;
};

/// The array is for the kernels to check; a program may not have more entries than descriptors.
bool is_too_long(nfds_t count) {
    rlimit limit{};
    return count > 64 && raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, arg(&limit)) == 0 && count > limit.rlim_cur;
}

/// poll() if Alpine has to answer it; `*handled` says so.
long poll_mixed(pollfd* program, nfds_t count, const Deadline& deadline, const sigset_t* mask, bool* handled) {
    *handled = false;
    if (!stack::running() || is_too_long(count)) {
        return 0;
    }
    Entries entries(program, count);
    const long error = entries.read();
    *handled = error < 0 || entries.concern_stack();
    if (!*handled || error < 0) {
        return error;
    }
    const long ready = wait_for_any(entries.get(), count, deadline, mask);
    return ready < 0 ? ready : entries.write(ready);
}

long poll_until(pollfd* entries, nfds_t count, timespec* timeout, const sigset_t* mask) {
    timespec copy{};
    sigset_t mask_copy{};
    if ((timeout != nullptr && !guarded_copy(&copy, timeout, sizeof(copy))) ||
        (mask != nullptr && !guarded_copy(&mask_copy, mask, kSignalSetBytes))) {
        return -EFAULT;
    }
    if (timeout != nullptr && !is_valid(&copy)) {
        return -EINVAL;
    }
    const Deadline deadline(timeout != nullptr ? &copy : nullptr);
    bool handled;
    const long result = poll_mixed(entries, count, deadline, mask != nullptr ? &mask_copy : nullptr, &handled);
    if (!handled) {
        return host_call(SYS_ppoll, arg(entries), static_cast<long>(count), arg(timeout), arg(mask), kSignalSetBytes);
    }
    if (timeout != nullptr) {
        const timespec left = deadline.remaining();
        static_cast<void>(guarded_copy(timeout, &left, sizeof(left)));  // as the kernel: what cannot be told is not
    }
    return result;
}

/// The short way for most: a few descriptors, all of the host's. False: it is to be found out.
bool is_the_hosts(const pollfd* program, nfds_t count) {
    constexpr nfds_t kFew = 8;
    pollfd entries[kFew];
    if (count > kFew || !guarded_copy(entries, program, count * sizeof(pollfd))) {
        return false;
    }
    return std::none_of(entries, entries + count, [](const pollfd& entry) { return concerns_alpine(entry.fd); });
}

long poll_for(pollfd* entries, nfds_t count, int timeout_ms) {
    if (is_the_hosts(entries, count)) {
        return host_call(SYS_poll, arg(entries), static_cast<long>(count), timeout_ms);
    }
    bool handled;
    const long result = poll_mixed(entries, count, Deadline::after_ms(timeout_ms), nullptr, &handled);
    return handled ? result : host_call(SYS_poll, arg(entries), static_cast<long>(count), timeout_ms);
}

/// One set of a select(), copied, whatever its size: a program may use more than FD_SETSIZE.
class Bits {
public:
    Bits(fd_set* program, int count)
        : program_(program), words_(static_cast<std::size_t>(count + 63) / 64), count_((count + 63) / 64) {}

    /// 0, -EFAULT or -ENOMEM.
    [[nodiscard]] long read() {
        if (words_.get() == nullptr) {
            return -ENOMEM;
        }
        if (program_ == nullptr) {
            clear();
            return 0;
        }
        return guarded_copy(words_.get(), program_, bytes()) ? 0 : -EFAULT;
    }
    [[nodiscard]] bool write() { return program_ == nullptr || guarded_copy(program_, words_.get(), bytes()); }
    [[nodiscard]] bool test(int fd) { return ((words_[static_cast<std::size_t>(fd) / 64] >> (fd % 64)) & 1) != 0; }
    void set(int fd) { words_[static_cast<std::size_t>(fd) / 64] |= 1UL << (fd % 64); }
    void clear() { memset(words_.get(), 0, bytes()); }

private:
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(count_) * 8; }

    fd_set* program_;
    Scratch<unsigned long, 16> words_;
    int count_;
};

/// The three sets of one select().
struct Sets {
    Bits read;
    Bits write;
    Bits except;

    Sets(int count, fd_set* r, fd_set* w, fd_set* e) : read(r, count), write(w, count), except(e, count) {}

    [[nodiscard]] long copy_in() {
        for (Bits* bits : {&read, &write, &except}) {
            if (const long error = bits->read(); error < 0) {
                return error;
            }
        }
        return 0;
    }
    [[nodiscard]] long copy_out(long result) {
        return read.write() && write.write() && except.write() ? result : -EFAULT;
    }
    [[nodiscard]] short events(int fd) {
        return static_cast<short>((read.test(fd) ? kReadEvents : 0) | (write.test(fd) ? kWriteEvents : 0) |
                                  (except.test(fd) ? kExceptEvents : 0));
    }
};

bool concerns_stack(int count, Sets& sets) {
    for (int fd = 0; fd < count; ++fd) {
        if (concerns_alpine(fd) && sets.events(fd) != 0) {
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
    if ((wanted & kExceptEvents & POLLPRI) != 0 && (entry.revents & kExceptEvents) != 0) {
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
    bool blocked = false;
    const long ready = wait_for_any(entries.get(), used, deadline, mask, &blocked);
    if (ready < 0) {
        return ready;
    }
    // A number that is none from the start is an error; one that was closed under the waiter counts as ready.
    for (nfds_t i = 0; i < used && !blocked; ++i) {
        if ((entries[i].revents & POLLNVAL) != 0) {
            return -EBADF;
        }
    }
    sets.read.clear();
    sets.write.clear();
    sets.except.clear();
    long bits = 0;
    for (nfds_t i = 0; i < used; ++i) {
        bits += put_result(entries[i], entries[i].events, sets);
    }
    return sets.copy_out(bits);
}

/// select(2) looks at no more numbers than the process has room for (fs/select.c, max_fds).
int look_at(int count) {
    rlimit limit{};
    if (count <= FD_SETSIZE || raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, arg(&limit)) < 0) {
        return count;
    }
    return static_cast<int>(std::min<rlim_t>(static_cast<rlim_t>(count), std::max<rlim_t>(limit.rlim_cur, FD_SETSIZE)));
}

/// A select() if Alpine has to answer it; `*handled` says so. `timeout` is the caller's own copy and gets what is left.
long select_until(int count, fd_set* read, fd_set* write, fd_set* except, timespec* timeout, const sigset_t* mask,
                  bool* handled) {
    *handled = false;
    if (!stack::running() || count <= 0) {
        return 0;
    }
    count = look_at(count);
    Sets sets(count, read, write, except);
    const long error = sets.copy_in();
    *handled = error < 0 || concerns_stack(count, sets);
    if (!*handled || error < 0) {
        return error;
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
    return alpine_poll(entries, count, timeout_ms);
}

long sys_ppoll(pollfd* entries, nfds_t count, timespec* timeout, const sigset_t* mask) {
    return poll_until(entries, count, timeout, mask);
}

ALPINE_CALL(int, ppoll, pollfd* entries, nfds_t count, const timespec* timeout, const sigset_t* mask) {
    timespec copy{};
    if (timeout != nullptr) {
        copy = *timeout;  // the kernel writes what is left into it, libc's callers do not expect that
    }
    const ByName call(SYS_ppoll);
    return answer(call.done(sys_ppoll(entries, count, timeout != nullptr ? &copy : nullptr, mask)));
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
    timeval given{};
    timespec limit{};
    if (timeout != nullptr) {
        if (!guarded_copy(&given, timeout, sizeof(given))) {
            return -EFAULT;
        }
        if (given.tv_sec < 0 || given.tv_usec < 0) {
            return -EINVAL;
        }
        limit.tv_sec = given.tv_sec + given.tv_usec / 1'000'000;  // as glibc, which lets tv_usec overflow
        limit.tv_nsec = given.tv_usec % 1'000'000 * 1000;
    }
    bool handled;
    const long result =
        select_until(count, read, write, except, timeout != nullptr ? &limit : nullptr, nullptr, &handled);
    if (!handled) {
        return host_call(SYS_select, count, arg(read), arg(write), arg(except), arg(timeout));
    }
    if (timeout != nullptr) {
        given = timeval{limit.tv_sec, limit.tv_nsec / 1000};
        static_cast<void>(guarded_copy(timeout, &given, sizeof(given)));
    }
    return result;
}

long sys_pselect(int count, fd_set* read, fd_set* write, fd_set* except, timespec* timeout, const sigset_t* mask) {
    timespec limit{};
    sigset_t mask_copy{};
    if ((timeout != nullptr && !guarded_copy(&limit, timeout, sizeof(limit))) ||
        (mask != nullptr && !guarded_copy(&mask_copy, mask, kSignalSetBytes))) {
        return -EFAULT;
    }
    bool handled;
    const long result = select_until(count, read, write, except, timeout != nullptr ? &limit : nullptr,
                                     mask != nullptr ? &mask_copy : nullptr, &handled);
    if (!handled) {
        const struct {
            const sigset_t* mask;
            std::size_t len;
        } window{mask, kSignalSetBytes};
        return host_call(SYS_pselect6, count, arg(read), arg(write), arg(except), arg(timeout), arg(&window));
    }
    if (timeout != nullptr) {
        static_cast<void>(guarded_copy(timeout, &limit, sizeof(limit)));
    }
    return result;
}

ALPINE_CALL(int, pselect, int count, fd_set* read, fd_set* write, fd_set* except, const timespec* timeout,
            const sigset_t* mask) {
    timespec copy{};
    if (timeout != nullptr) {
        copy = *timeout;  // pselect(2) leaves the caller's alone
    }
    const ByName call(SYS_pselect6);
    return answer(call.done(sys_pselect(count, read, write, except, timeout != nullptr ? &copy : nullptr, mask)));
}

}  // namespace alp::calls
