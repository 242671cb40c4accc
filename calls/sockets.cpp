// SPDX-License-Identifier: GPL-2.0
// socket, bind, listen, accept, connect and what asks about a socket.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "abi/stack_calls.h"
#include "calls/claims.h"
#include "calls/descriptors.h"
#include "calls/dummy.h"
#include "calls/entry.h"
#include "calls/fork.h"
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
    const long made = stack_call(ALPINE_NR_socket_at, dummy, family, type, protocol);
    return made < 0 ? discard(dummy, file, made) : publish(dummy, file);
}

/// Waits until the listener has a connection, so that a number for it is taken only then. 0 or -errno.
long await_connection(int fd, const OpenFile& listener) {
    const int timeout_ms = listener.accept_timeout_ms;
    pollfd ready{fd, POLLIN, 0};
    // With a time limit accept(2) is not restarted after a handler, without one it is: signal(7).
    const long count = listener.nonblocking ? stack_call(SYS_poll, arg(&ready), 1, 0)
                       : timeout_ms > 0     ? stack_call_cancellable(SYS_poll, arg(&ready), 1, timeout_ms)
                                            : stack_wait_restartable(SYS_poll, arg(&ready), 1, -1);
    return count == 0 ? -EAGAIN : count < 0 ? count : 0;
}

long accept_connection(int fd, sockaddr* address, socklen_t* len, int flags) {
    OpenFile* listener = file_of(fd);
    if ((flags & ~kTypeFlags) != 0) {
        return -EINVAL;
    }
    if (listener->listening) {
        const long error = await_connection(fd, *listener);
        if (error < 0) {
            return error;
        }
    }
    OpenFile* file = new_file();
    if (file == nullptr) {
        return -ENOMEM;
    }
    const bool close_on_exec = (flags & SOCK_CLOEXEC) != 0;
    const long dummy = raw_syscall(SYS_fcntl, fd, close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
    if (dummy < 0 || dummy >= kTableSize) {
        return discard(dummy, file, dummy < 0 ? dummy : -EMFILE);
    }
    describe(*file, listener->family, listener->type, listener->protocol);
    file->nonblocking = (flags & SOCK_NONBLOCK) != 0;
    const long made = stack_call(ALPINE_NR_accept_at, fd, dummy, arg(address), arg(len), flags);
    if (made < 0) {
        return discard(dummy, file, made);
    }
    share_claim(*listener, *file);
    return publish(dummy, file);
}

long bind_socket(int fd, const sockaddr* address, socklen_t len) {
    OpenFile* file = file_of(fd);
    if (!file->ports) {
        return stack_call(SYS_bind, fd, arg(address), len);
    }
    Locked locked(file->binding);
    return bind_and_claim(fd, *file, address, len);
}

long listen_on(int fd, int backlog) {
    OpenFile* file = file_of(fd);
    const bool can_listen = file->type != SOCK_DGRAM;
    long error = can_listen ? ensure_port(fd, *file) : 0;
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
    }
    return error;
}

long connect_socket(int fd, const sockaddr* address, socklen_t len) {
    const long error = ensure_port(fd, *file_of(fd));
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
        return bind_socket(fd, address, len);
    }
    return raw_syscall(SYS_bind, fd, arg(address), len);
}

ALPINE_SYSTEM_CALL(int, listen, (int fd, int backlog), (fd, backlog)) {
    if (is_stack_socket(fd)) {
        return listen_on(fd, backlog);
    }
    return raw_syscall(SYS_listen, fd, backlog);
}

ALPINE_SYSTEM_CALL(int, accept4, (int fd, sockaddr* address, socklen_t* len, int flags), (fd, address, len, flags)) {
    if (is_stack_socket(fd)) {
        return accept_connection(fd, address, len, flags);
    }
    return host_call(SYS_accept4, fd, arg(address), arg(len), flags);
}

ALPINE_SYSTEM_CALL(int, accept, (int fd, sockaddr* address, socklen_t* len), (fd, address, len)) {
    if (is_stack_socket(fd)) {
        return accept_connection(fd, address, len, 0);
    }
    return host_call(SYS_accept, fd, arg(address), arg(len));
}

ALPINE_SYSTEM_CALL(int, connect, (int fd, const sockaddr* address, socklen_t len), (fd, address, len)) {
    if (is_stack_socket(fd)) {
        return connect_socket(fd, address, len);
    }
    return host_call(SYS_connect, fd, arg(address), len);
}

ALPINE_SYSTEM_CALL(int, shutdown, (int fd, int how), (fd, how)) {
    if (is_stack_socket(fd)) {
        return stack_call(SYS_shutdown, fd, how);
    }
    return raw_syscall(SYS_shutdown, fd, how);
}

ALPINE_SYSTEM_CALL(int, getsockname, (int fd, sockaddr* address, socklen_t* len), (fd, address, len)) {
    if (is_stack_socket(fd)) {
        return stack_call(SYS_getsockname, fd, arg(address), arg(len));
    }
    return raw_syscall(SYS_getsockname, fd, arg(address), arg(len));
}

ALPINE_SYSTEM_CALL(int, getpeername, (int fd, sockaddr* address, socklen_t* len), (fd, address, len)) {
    if (is_stack_socket(fd)) {
        return stack_call(SYS_getpeername, fd, arg(address), arg(len));
    }
    return raw_syscall(SYS_getpeername, fd, arg(address), arg(len));
}

}  // namespace alp::calls
