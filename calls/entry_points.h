// SPDX-License-Identifier: GPL-2.0
// The entry points under their own names, for syscall() which calls them by number.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>

#define ALPINE_ENTRY(type, name, ...) extern "C" type alpine_##name(__VA_ARGS__) asm(#name)

namespace alp::calls {

ALPINE_ENTRY(ssize_t, read, int, void*, std::size_t);
ALPINE_ENTRY(ssize_t, write, int, const void*, std::size_t);
ALPINE_ENTRY(ssize_t, readv, int, const iovec*, int);
ALPINE_ENTRY(ssize_t, writev, int, const iovec*, int);
ALPINE_ENTRY(int, close, int);
ALPINE_ENTRY(int, close_range, unsigned, unsigned, int);
ALPINE_ENTRY(int, dup, int);
ALPINE_ENTRY(int, dup2, int, int);
ALPINE_ENTRY(int, dup3, int, int, int);
ALPINE_ENTRY(int, fcntl, int, int, ...);
ALPINE_ENTRY(int, ioctl, int, unsigned long, ...);
ALPINE_ENTRY(int, socket, int, int, int);
ALPINE_ENTRY(int, bind, int, const sockaddr*, socklen_t);
ALPINE_ENTRY(int, listen, int, int);
ALPINE_ENTRY(int, accept, int, sockaddr*, socklen_t*);
ALPINE_ENTRY(int, accept4, int, sockaddr*, socklen_t*, int);
ALPINE_ENTRY(int, connect, int, const sockaddr*, socklen_t);
ALPINE_ENTRY(int, shutdown, int, int);
ALPINE_ENTRY(int, getsockname, int, sockaddr*, socklen_t*);
ALPINE_ENTRY(int, getpeername, int, sockaddr*, socklen_t*);
ALPINE_ENTRY(int, setsockopt, int, int, int, const void*, socklen_t);
ALPINE_ENTRY(int, getsockopt, int, int, int, void*, socklen_t*);
ALPINE_ENTRY(ssize_t, sendto, int, const void*, std::size_t, int, const sockaddr*, socklen_t);
ALPINE_ENTRY(ssize_t, recvfrom, int, void*, std::size_t, int, sockaddr*, socklen_t*);
ALPINE_ENTRY(ssize_t, sendmsg, int, const msghdr*, int);
ALPINE_ENTRY(ssize_t, recvmsg, int, msghdr*, int);
ALPINE_ENTRY(int, sendmmsg, int, mmsghdr*, unsigned, int);
ALPINE_ENTRY(int, recvmmsg, int, mmsghdr*, unsigned, int, timespec*);
ALPINE_ENTRY(ssize_t, sendfile, int, int, off_t*, std::size_t);
ALPINE_ENTRY(ssize_t, splice, int, off64_t*, int, off64_t*, std::size_t, unsigned);
ALPINE_ENTRY(ssize_t, tee, int, int, std::size_t, unsigned);
ALPINE_ENTRY(int, poll, pollfd*, nfds_t, int);
ALPINE_ENTRY(int, ppoll, pollfd*, nfds_t, const timespec*, const sigset_t*);
ALPINE_ENTRY(int, select, int, fd_set*, fd_set*, fd_set*, timeval*);
ALPINE_ENTRY(int, pselect, int, fd_set*, fd_set*, fd_set*, const timespec*, const sigset_t*);
ALPINE_ENTRY(int, epoll_create, int);
ALPINE_ENTRY(int, epoll_create1, int);
ALPINE_ENTRY(int, epoll_ctl, int, int, int, epoll_event*);
ALPINE_ENTRY(int, epoll_wait, int, epoll_event*, int, int);
ALPINE_ENTRY(int, epoll_pwait, int, epoll_event*, int, int, const sigset_t*);
ALPINE_ENTRY(int, epoll_pwait2, int, epoll_event*, int, const timespec*, const sigset_t*);
extern "C" [[noreturn]] void alpine__exit(int) asm("_exit");

}  // namespace alp::calls
