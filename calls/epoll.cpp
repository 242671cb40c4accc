// SPDX-License-Identifier: GPL-2.0
// epoll over descriptors of both kernels.
//
// Theory of operation
//
// Descriptor N of an epoll instance is the host's epoll N and, once it watches something of the stack's, also the
// stack's epoll N. Each kernel keeps its own interest list and gives the program's data back with its own
// semantics (level, edge, one-shot, exclusive), so nothing has to be known here about what is watched. epoll_ctl
// goes to the side that owns the target. An epoll instance as a target is given a half on both sides, and so is
// the one that watches it: then each half watches the half on its own side.
//
// epoll_wait on an instance with two halves asks both with a timeout of zero, in turns which goes first, and if
// there is nothing blocks in the stack's, watching the host's epoll descriptor.
//
// When an instance gets its half in the stack, other threads may already be blocked in the host's epoll_wait on it.
// They are counted, and called out by an event of our own that stays ready until the last of them has seen it.
#include <errno.h>
#include <sys/epoll.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>

#include "abi/stack_calls.h"
#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/process.h"
#include "calls/signals.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"
#include "calls/wait.h"

namespace alp::calls {

namespace {

constexpr unsigned kSignalSetBytes = 8;
constexpr int kCallOutTries = 50; /* 1 ms each: a waiter that was cancelled never answers */

Lock halves_lock;

/// Marks the event that calls waiters out; its own address cannot be a program's data.
const char call_out_mark = 0;

long create(int flags) {
    const long fd = raw_syscall(SYS_epoll_create1, flags);
    if (fd < 0 || fd >= kTableSize) {
        return fd;
    }
    OpenFile* file = new_file();
    if (file == nullptr) {
        raw_syscall(SYS_close, fd);
        return -ENOMEM;
    }
    install(static_cast<int>(fd), Kind::epoll, file);
    return fd;
}

/// Makes an epoll instance known that was not made here (inherited over exec). `target` is a stack socket, whose
/// dummy the host's instance cannot be watching: ENOENT tells an epoll instance from anything else.
long adopt(int fd, int target) {
    const long probe = raw_syscall(SYS_epoll_ctl, fd, EPOLL_CTL_DEL, target, 0);
    if (probe != -ENOENT) {
        return probe < 0 ? probe : -EINVAL;
    }
    OpenFile* file = new_file();
    if (file == nullptr) {
        return -ENOMEM;
    }
    file->watches_host = true;
    install(fd, Kind::epoll, file);
    return 0;
}

/// Gives all other numbers of the open file the half in the stack that `fd` has.
void copy_half(int fd, const OpenFile* file) {
    for_each_descriptor(0, kTableSize - 1, [&](int other, Kind) {
        if (other != fd && file_of(other) == file) {
            stack::call(SYS_dup2, fd, other);
        }
    });
}

/// Makes threads that wait in the host's epoll_wait come back and wait anew.
void call_out_waiters(int fd, const OpenFile& file) {
    if (file.host_waiters.load() == 0) {
        return;
    }
    const long bell = raw_syscall(SYS_eventfd2, 1, 0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = reinterpret_cast<std::uint64_t>(&call_out_mark);
    if (bell < 0 || raw_syscall(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, bell, arg(&event)) < 0) {
        return;
    }
    for (int i = 0; i < kCallOutTries && file.host_waiters.load() > 0; ++i) {
        raw_syscall(SYS_poll, 0, 0, 1);
    }
    raw_syscall(SYS_epoll_ctl, fd, EPOLL_CTL_DEL, bell, arg(&event));
    raw_syscall(SYS_close, bell);
}

/// Makes sure that epoll instance `fd` has a half in the stack, for watching `target`. 0 or -errno.
long ensure_half(int fd, int target) {
    if (kind_of(fd) == Kind::mixed_epoll) {
        return 0;
    }
    Locked locked(halves_lock);
    long error = kind_of(fd) == Kind::host ? adopt(fd, target) : 0;
    if (error < 0 || kind_of(fd) == Kind::mixed_epoll) {
        return error;
    }
    OpenFile* file = file_of(fd);
    error = stack_call(ALPINE_NR_epoll_at, fd, 0);
    if (error < 0) {
        return error;
    }
    copy_half(fd, file);
    set_kind(file, Kind::mixed_epoll);
    call_out_waiters(fd, *file);
    return 0;
}

long control_host(int epoll, int operation, int target, epoll_event* event) {
    const long result = raw_syscall(SYS_epoll_ctl, epoll, operation, target, arg(event));
    if (result == 0 && operation == EPOLL_CTL_ADD && !is_host(epoll)) {
        file_of(epoll)->watches_host = true;
    }
    return result;
}

long control_in_stack(int epoll, int operation, int target, epoll_event* event) {
    const long error = ensure_half(epoll, target);
    return error < 0 ? error : stack_call(SYS_epoll_ctl, epoll, operation, target, arg(event));
}

/// The target is an epoll instance too: each half watches the half on its own side.
long control_nested(int epoll, int operation, int target, epoll_event* event) {
    long result = control_host(epoll, operation, target, event);
    if (result < 0 || !stack::running()) {
        return result;
    }
    if (operation == EPOLL_CTL_ADD) {
        result = ensure_half(target, target);
    }
    if (result == 0) {
        result = control_in_stack(epoll, operation, target, event);
    }
    if (result < 0 && operation == EPOLL_CTL_ADD) {
        raw_syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_DEL, target, 0);
    }
    // Added before the stack ran: then the other half was never there.
    return result == -ENOENT ? 0 : result;
}

long control(int epoll, int operation, int target, epoll_event* event) {
    if (is_private(target)) {
        return refuse(-EBADF, kPrivateReason);
    }
    if (is_in_stack(epoll)) {
        return -EINVAL;
    }
    switch (kind_of(target)) {
        case Kind::host:
            return control_host(epoll, operation, target, event);
        case Kind::socket:
        case Kind::file:
            return control_in_stack(epoll, operation, target, event);
        default:
            return control_nested(epoll, operation, target, event);
    }
}

/// Takes out the event that calls waiters out. What is left of `ready`.
long without_call_out(epoll_event* events, long ready) {
    long kept = 0;
    for (long i = 0; i < ready; ++i) {
        if (events[i].data.u64 != reinterpret_cast<std::uint64_t>(&call_out_mark)) {
            events[kept++] = events[i];
        }
    }
    return kept;
}

/// One epoll_wait with two halves.
class MixedWait {
public:
    MixedWait(int epoll, epoll_event* events, int room)
        : epoll_(epoll), file_(*file_of(epoll)), events_(events), room_(room) {}

    long run(WaitWindow& window, const Deadline& deadline) {
        for (;;) {
            const timespec left = deadline.remaining();
            long ready = file_.watches_host || is_zero(left) ? ask_both() : 0;
            if (ready != 0) {
                return ready;
            }
            if (WaitWindow::interrupted()) {
                return -EINTR;
            }
            if (is_zero(left)) {
                return 0;
            }
            ready = block(window.limit(left));
            hold_while_exiting();
            check_cancelled();
            if (ready > 0) {
                return ready + ask_host(static_cast<int>(ready));
            }
            if (ready < 0 && ready != -EINTR && !is_restart_code(ready)) {
                return ready;
            }
            if (WaitWindow::interrupted() && !file_.watches_host) {
                return -EINTR;
            }
        }
    }

private:
    /// Asks the host for what is ready now; `used` events are there already. Errors count as nothing then.
    long ask_host(int used) {
        if (!file_.watches_host || used == room_) {
            return 0;
        }
        const long ready =
            raw_syscall(SYS_epoll_pwait, epoll_, arg(events_ + used), room_ - used, 0, 0, kSignalSetBytes);
        return ready > 0 ? without_call_out(events_ + used, ready) : used > 0 ? 0 : ready;
    }

    long ask_stack(int used) {
        if (used == room_) {
            return 0;
        }
        const long ready = stack::call(SYS_epoll_wait, epoll_, arg(events_ + used), room_ - used, 0);
        const bool nothing = used > 0 || ready == -EINTR || is_restart_code(ready);
        return ready < 0 && nothing ? 0 : ready;
    }

    long ask_both() {
        const bool host_first = file_.host_first;
        file_.host_first = !host_first;
        const long first = host_first ? ask_host(0) : ask_stack(0);
        if (first < 0) {
            return first;
        }
        const int used = static_cast<int>(first);
        return first + (host_first ? ask_stack(used) : ask_host(used));
    }

    long block(timespec* limit) {
        // Nobody can add a host descriptor meanwhile in a process of one thread.
        if (__libc_single_threaded && !file_.watches_host) {
            return stack::call(SYS_epoll_pwait2, epoll_, arg(events_), room_, arg(limit), 0, kSignalSetBytes);
        }
        pollfd host{epoll_, POLLIN, 0};
        bool host_ready = false;
        return stack::call_watching(&host, 1, &host_ready, SYS_epoll_pwait2, epoll_, arg(events_), room_, arg(limit), 0,
                                    kSignalSetBytes);
    }

    int epoll_;
    OpenFile& file_;
    epoll_event* events_;
    int room_;
};

long wait_mixed(int epoll, epoll_event* events, int room, const Deadline& deadline, const sigset_t* mask) {
    constexpr int kMaxEvents = 0x7fffffff / sizeof(epoll_event);
    if (room <= 0 || room > kMaxEvents) {
        return -EINVAL;
    }
    begin_wait();
    WaitWindow window(mask);
    return window.finish(MixedWait(epoll, events, room).run(window, deadline));
}

long host_wait(int epoll, epoll_event* events, int room, const timespec* timeout, const sigset_t* mask) {
    return host_call(SYS_epoll_pwait2, epoll, arg(events), room, arg(timeout), arg(mask), kSignalSetBytes);
}

/// The same as libc asks it: what has no mask has a call of its own, which takes less.
long host_wait_ms(int epoll, epoll_event* events, int room, int timeout_ms, const sigset_t* mask) {
    return mask == nullptr
               ? host_call(SYS_epoll_wait, epoll, arg(events), room, timeout_ms)
               : host_call(SYS_epoll_pwait, epoll, arg(events), room, timeout_ms, arg(mask), kSignalSetBytes);
}

/// Asks an instance that so far has no half in the stack what is ready, and does not wait: nobody has to call it out.
long ask_host_only(int epoll, epoll_event* events, int room, const sigset_t* mask) {
    const long ready = host_wait_ms(epoll, events, room, 0, mask);
    return ready > 0 && kind_of(epoll) == Kind::mixed_epoll ? without_call_out(events, ready) : ready;
}

/// Waits on such an instance by `wait()`, with other threads about that may give it a half.
template <typename Wait>
long wait_on_host(int epoll, epoll_event* events, int room, const timespec* timeout, const sigset_t* mask, Wait wait) {
    const Deadline deadline(timeout);
    OpenFile* file = file_of(epoll);
    file->host_waiters.fetch_add(1);
    const bool still_host = kind_of(epoll) == Kind::epoll;
    long ready = still_host ? wait() : 0;
    file->host_waiters.fetch_sub(1);
    if (kind_of(epoll) != Kind::mixed_epoll || ready < 0) {
        return ready;
    }
    const long kept = without_call_out(events, ready);
    return kept > 0 || (still_host && ready == 0) ? kept : wait_mixed(epoll, events, room, deadline, mask);
}

long wait(int epoll, epoll_event* events, int room, const timespec* timeout, const sigset_t* mask) {
    switch (kind_of(epoll)) {
        case Kind::mixed_epoll:
            return is_valid(timeout) ? wait_mixed(epoll, events, room, Deadline(timeout), mask) : -EINVAL;
        case Kind::epoll:
            if (!__libc_single_threaded) {
                return wait_on_host(epoll, events, room, timeout, mask,
                                    [&] { return host_wait(epoll, events, room, timeout, mask); });
            }
            [[fallthrough]];
        default:
            return host_wait(epoll, events, room, timeout, mask);
    }
}

long wait_ms(int epoll, epoll_event* events, int room, int timeout_ms, const sigset_t* mask) {
    const Kind kind = kind_of(epoll);
    if (kind == Kind::host || is_in_stack(epoll) || (kind == Kind::epoll && __libc_single_threaded)) {
        return host_wait_ms(epoll, events, room, timeout_ms, mask);
    }
    if (kind == Kind::epoll && timeout_ms == 0) {
        return ask_host_only(epoll, events, room, mask);
    }
    const timespec limit{timeout_ms / 1000, (timeout_ms % 1000) * 1'000'000L};
    const timespec* timeout = timeout_ms < 0 ? nullptr : &limit;
    if (kind == Kind::epoll) {
        return wait_on_host(epoll, events, room, timeout, mask,
                            [&] { return host_wait_ms(epoll, events, room, timeout_ms, mask); });
    }
    return wait(epoll, events, room, timeout, mask);
}

}  // namespace

void give_epolls_their_halves() {
    for_each_descriptor(0, kTableSize - 1, [](int fd, Kind kind) {
        if (kind == Kind::epoll) {
            ensure_half(fd, fd);
        }
    });
}

void reset_epoll_after_fork() { halves_lock.reset(); }

ALPINE_SYSTEM_CALL(int, epoll_create1, (int flags), (flags)) { return create(flags); }

ALPINE_SYSTEM_CALL(int, epoll_create, (int size), (size)) { return size <= 0 ? -EINVAL : create(0); }

ALPINE_SYSTEM_CALL(int, epoll_ctl, (int epoll, int operation, int target, epoll_event* event),
                   (epoll, operation, target, event)) {
    return control(epoll, operation, target, event);
}

ALPINE_SYSTEM_CALL(int, epoll_wait, (int epoll, epoll_event* events, int room, int timeout_ms),
                   (epoll, events, room, timeout_ms)) {
    return wait_ms(epoll, events, room, timeout_ms, nullptr);
}

ALPINE_SYSTEM_CALL(int, epoll_pwait, (int epoll, epoll_event* events, int room, int timeout_ms, const sigset_t* mask),
                   (epoll, events, room, timeout_ms, mask)) {
    return wait_ms(epoll, events, room, timeout_ms, mask);
}

ALPINE_SYSTEM_CALL(int, epoll_pwait2,
                   (int epoll, epoll_event* events, int room, const timespec* timeout, const sigset_t* mask),
                   (epoll, events, room, timeout, mask)) {
    return wait(epoll, events, room, timeout, mask);
}

}  // namespace alp::calls
