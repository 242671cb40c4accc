// SPDX-License-Identifier: GPL-2.0
// socket, bind, listen, accept, connect and what asks about a socket.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>

#include "abi/stack_calls.h"
#include "calls/binding.h"
#include "calls/claims.h"
#include "calls/descriptors.h"
#include "calls/dummy.h"
#include "calls/entry.h"
#include "calls/guard.h"
#include "calls/process.h"
#include "calls/raw.h"
#include "calls/sites.h"
#include "calls/stack_call.h"
#include "calls/startup.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

constexpr int kTypeFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;
constexpr int kDummyBacklog = 1; /* nobody ever connects to the dummy: steering comes first */

/// Publishes descriptor `fd`, which both kernels have, or undoes it.
long publish(long fd, OpenFile* file) {
    install(static_cast<int>(fd), Kind::socket, file);
    return fd;
}

long discard(long dummy, OpenFile* file, long error) {
    raw_syscall(SYS_close, dummy);
    recycle(file);
    return error;
}

/// Whose a socket is that the calling thread makes: setfsuid(2) tells when it refuses.
long user() { return raw_syscall(SYS_setfsuid, -1); }

long open_socket(int family, int type, int protocol) {
    const long error = ensure_stack();
    if (error < 0) {
        return error;
    }
    if (__builtin_expect(unknown_sites.load(std::memory_order_relaxed), 0)) {
        settle_unknown_sites();
    }
    housekeeping_now_and_then();
    OpenFile* file = new_file();
    if (file == nullptr) {
        return -ENOMEM;
    }
    describe(*file, family, type & ~kTypeFlags, protocol);
    file->nonblocking = (type & SOCK_NONBLOCK) != 0;
    const long dummy = make_dummy(*file, (type & SOCK_CLOEXEC) != 0);
    if (dummy < 0 || dummy >= kTableSize) {
        return discard(dummy, file, dummy < 0 ? dummy : -EMFILE);
    }
    const long made = stack_call(ALPINE_NR_socket_at, dummy, family, type, protocol, user());
    if (made < 0) {
        return discard(dummy, file, made);
    }
    if (is_raw(*file)) {
        claim_raw_protocol(*file);
    }
    return publish(dummy, file);
}

/// O_NONBLOCK, which another process may have changed.
bool is_nonblocking(int fd, OpenFile& file) {
    if (shares_descriptions()) {
        file.nonblocking = (stack_call(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK) != 0;
    }
    return file.nonblocking;
}

/// SO_RCVTIMEO, which another process may have set.
int accept_timeout_ms(int fd, OpenFile& listener) {
    if (shares_descriptions()) {
        timeval limit{};
        socklen_t len = sizeof(limit);
        stack_call(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, arg(&limit), arg(&len));
        listener.accept_timeout_ms = to_milliseconds(limit);
    }
    return listener.accept_timeout_ms;
}

/// A listener that a thread is about to wait on, held by a number of its own inside the stack: accept(2) goes on even
/// when the program closes the number it was called with, or uses it for something else.
class HeldListener {
public:
    HeldListener(int fd, const OpenFile& file) : number_(fd) {
        if (file.nonblocking || __libc_single_threaded) {
            return;
        }
        // Above all numbers that the host gives out.
        rlimit limit{};
        raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, arg(&limit));
        const long from = static_cast<long>(std::min<rlim_t>(limit.rlim_cur, kTableSize / 2));
        const long copy = stack_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, from);
        if (copy >= 0) {
            number_ = static_cast<int>(copy);
            held_ = true;
            thread_state.held_listener = number_ + 1;
        }
    }
    ~HeldListener() {
        if (held_) {
            thread_state.held_listener = 0;
            stack_call(SYS_close, number_);
        }
    }
    HeldListener(const HeldListener&) = delete;
    HeldListener& operator=(const HeldListener&) = delete;

    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
    bool held_ = false;
};

/// Waits until the listener has a connection, so that a number for it is taken only then. 0 or -errno.
long await_connection(int number, OpenFile& listener) {
    const int timeout_ms = listener.nonblocking ? 0 : accept_timeout_ms(number, listener);
    pollfd ready{number, POLLIN, 0};
    // With a time limit accept(2) is not restarted after a handler, without one it is: signal(7).
    const long count = listener.nonblocking ? stack_call(SYS_poll, arg(&ready), 1, 0)
                       : timeout_ms > 0     ? stack_call_cancellable(SYS_poll, arg(&ready), 1, timeout_ms)
                                            : stack_wait_restartable(SYS_poll, arg(&ready), 1, -1);
    return count == 0 ? -EAGAIN : count < 0 ? count : 0;
}

/// The dummy of a connection: the listener's, whose port it has, or another one if the number means that no more.
long make_accepted_dummy(int fd, const OpenFile& listener, OpenFile& file, int flags) {
    if (kind_of(fd) != Kind::socket || file_of(fd) != &listener) {
        return make_dummy(file, (flags & SOCK_CLOEXEC) != 0);
    }
    return raw_syscall(SYS_fcntl, fd, (flags & SOCK_CLOEXEC) != 0 ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
}

long accept_from(int fd, int number, OpenFile& listener, sockaddr* address, socklen_t* len, int flags) {
    OpenFile* file = new_file();
    if (file == nullptr) {
        return -ENOMEM;
    }
    describe(*file, listener.family, listener.type, listener.protocol);
    file->nonblocking = (flags & SOCK_NONBLOCK) != 0;
    const long dummy = make_accepted_dummy(fd, listener, *file, flags);
    if (dummy < 0 || dummy >= kTableSize) {
        return discard(dummy, file, dummy < 0 ? dummy : -EMFILE);
    }
    const long made = stack_call(ALPINE_NR_accept_at, number, dummy, arg(address), arg(len), flags, user());
    if (made < 0) {
        return discard(dummy, file, made);
    }
    share_claim(listener, *file);
    return publish(dummy, file);
}

long accept_connection(int fd, sockaddr* address, socklen_t* len, int flags) {
    OpenFile* listener = file_of(fd);
    if ((flags & ~kTypeFlags) != 0) {
        return -EINVAL;
    }
    if (!listener->listening && !shares_descriptions()) {
        return accept_from(fd, fd, *listener, address, len, flags);  // which says what is wrong
    }
    is_nonblocking(fd, *listener);
    const HeldListener held(fd, *listener);
    const long error = await_connection(held.number(), *listener);
    return error < 0 ? error : accept_from(fd, held.number(), *listener, address, len, flags);
}

long listen_on(int fd, int backlog) {
    OpenFile* file = file_of(fd);
    const bool can_listen = file->type != SOCK_DGRAM;
    long error = can_listen ? renew_port(fd, *file) : 0;
    if (error < 0) {
        return error;
    }
    // A listening dummy keeps the port from others even if both sides say SO_REUSEADDR.
    if (can_listen && file->dummy_bound && !lost_stack()) {
        error = raw_syscall(SYS_listen, fd, kDummyBacklog);
        if (error < 0) {
            return error;
        }
    }
    error = stack_call(SYS_listen, fd, backlog);
    if (error == 0) {
        file->listening = true;
        start_accepting(fd, *file);
    }
    return error;
}

/// connect() to AF_UNSPEC: the socket is nobody's peer any more, and if its port was chosen for it, that is gone too.
bool disconnects(const sockaddr* address, socklen_t len) {
    sa_family_t family;
    return len >= sizeof(family) && guarded_copy(&family, address, sizeof(family)) && family == AF_UNSPEC;
}

long connect_socket(int fd, const sockaddr* address, socklen_t len) {
    OpenFile& file = *file_of(fd);
    if (disconnects(address, len)) {
        const long result = stack_call(SYS_connect, fd, arg(address), len);
        forget_lost_port(fd, file);
        return result;
    }
    const long error = renew_port(fd, file);
    if (error < 0) {
        return error == -EADDRINUSE ? -EADDRNOTAVAIL : error;  // what connect(2) calls running out of ports
    }
    return stack_call_cancellable(SYS_connect, fd, arg(address), len);
}

}  // namespace

ALPINE_SYSTEM_CALL(int, socket, (int family, int type, int protocol), (family, type, protocol)) {
    if (!belongs_to_stack(family, protocol)) {
        because(family == AF_UNIX      ? "Unix sockets are the host's"
                : family == AF_NETLINK ? "netlink protocols that are not about the network are the host's"
                                       : "a family that the stack does not take over");
        return raw_syscall(SYS_socket, family, type, protocol);
    }
    return open_socket(family, type, protocol);
}

ALPINE_SYSTEM_CALL(int, bind, (int fd, const sockaddr* address, socklen_t len), (fd, address, len)) {
    if (is_stack_socket(fd)) {
        OpenFile& file = *file_of(fd);
        return file.ports ? bind_socket(fd, file, address, len) : stack_call(SYS_bind, fd, arg(address), len);
    }
    return raw_call_on(SYS_bind, fd, arg(address), len);
}

ALPINE_SYSTEM_CALL(int, listen, (int fd, int backlog), (fd, backlog)) {
    if (is_stack_socket(fd)) {
        return listen_on(fd, backlog);
    }
    return raw_call_on(SYS_listen, fd, backlog);
}

ALPINE_SYSTEM_CALL(int, accept4, (int fd, sockaddr* address, socklen_t* len, int flags), (fd, address, len, flags)) {
    if (is_stack_socket(fd)) {
        return accept_connection(fd, address, len, flags);
    }
    return host_call_on(SYS_accept4, fd, arg(address), arg(len), flags);
}

ALPINE_SYSTEM_CALL(int, accept, (int fd, sockaddr* address, socklen_t* len), (fd, address, len)) {
    if (is_stack_socket(fd)) {
        return accept_connection(fd, address, len, 0);
    }
    return host_call_on(SYS_accept, fd, arg(address), arg(len));
}

ALPINE_SYSTEM_CALL(int, connect, (int fd, const sockaddr* address, socklen_t len), (fd, address, len)) {
    if (is_stack_socket(fd)) {
        return connect_socket(fd, address, len);
    }
    return host_call_on(SYS_connect, fd, arg(address), len);
}

ALPINE_SYSTEM_CALL(int, shutdown, (int fd, int how), (fd, how)) {
    if (is_stack_socket(fd)) {
        return stack_call(SYS_shutdown, fd, how);
    }
    return raw_call_on(SYS_shutdown, fd, how);
}

ALPINE_SYSTEM_CALL(int, getsockname, (int fd, sockaddr* address, socklen_t* len), (fd, address, len)) {
    if (is_stack_socket(fd)) {
        return stack_call(SYS_getsockname, fd, arg(address), arg(len));
    }
    return raw_call_on(SYS_getsockname, fd, arg(address), arg(len));
}

ALPINE_SYSTEM_CALL(int, getpeername, (int fd, sockaddr* address, socklen_t* len), (fd, address, len)) {
    if (is_stack_socket(fd)) {
        return stack_call(SYS_getpeername, fd, arg(address), arg(len));
    }
    return raw_call_on(SYS_getpeername, fd, arg(address), arg(len));
}

}  // namespace alp::calls
