// SPDX-License-Identifier: GPL-2.0
// Moving data: read and write, recv and send, in all their forms.
//
// Everything sent into the stack carries MSG_NOSIGNAL, write() included (on a socket it is sendto() without an
// address): the SIGPIPE of a broken connection is raised here, in the program's own process.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "calls/claims.h"
#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/send.h"
#include "calls/signals.h"
#include "calls/stack_call.h"

namespace alp::calls {

namespace {

long after_send(const OpenFile& file, long result, int flags) {
    if (__builtin_expect(result == -EPIPE, 0) && file.sigpipe && (flags & MSG_NOSIGNAL) == 0) {
        raise_sigpipe();
    }
    return result;
}

/// May this send give the socket its port? A stream that is not connected only sends with TCP Fast Open, or when
/// the protocol connects by sending.
bool send_binds(const OpenFile& file, int flags) {
    return file.type == SOCK_DGRAM || file.protocol == IPPROTO_SCTP || (flags & MSG_FASTOPEN) != 0;
}

long before_send(int fd, OpenFile& file, int flags) {
    if (__builtin_expect(!file.ports || file.has_port.load(std::memory_order_acquire), 1) || !send_binds(file, flags)) {
        return 0;
    }
    return ensure_port(fd, file);
}

long send_message(int fd, const msghdr* message, int flags) {
    OpenFile& file = *file_of(fd);
    const long error = before_send(fd, file, flags);
    if (error < 0) {
        return error;
    }
    return after_send(file, stack_call_cancellable(SYS_sendmsg, fd, arg(message), flags | MSG_NOSIGNAL), flags);
}

long send_messages(int fd, mmsghdr* messages, unsigned count, int flags) {
    OpenFile& file = *file_of(fd);
    const long error = before_send(fd, file, flags);
    if (error < 0) {
        return error;
    }
    return after_send(file, stack_call_cancellable(SYS_sendmmsg, fd, arg(messages), count, flags | MSG_NOSIGNAL),
                      flags);
}

/// What write() adds to send(): a record socket ends its record.
int write_flags(const OpenFile& file) { return file.type == SOCK_SEQPACKET ? MSG_EOR : 0; }

/// writev() of nothing writes nothing, where sendmsg() of nothing would send an empty datagram.
bool is_empty_record(const OpenFile& file, const iovec* vector, int count) {
    std::size_t total = 0;
    for (int i = 0; i < count && file.type != SOCK_STREAM; ++i) {
        total += vector[i].iov_len;
    }
    return file.type != SOCK_STREAM && total == 0;
}

long write_vector(int fd, const iovec* vector, int count) {
    if (count < 0 || count > 1024 /* UIO_MAXIOV */) {
        return -EINVAL;
    }
    if (is_empty_record(*file_of(fd), vector, count)) {
        return 0;
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(vector);
    message.msg_iovlen = static_cast<std::size_t>(count);
    return send_message(fd, &message, write_flags(*file_of(fd)));
}

long receive_from(int fd, void* buffer, std::size_t len, int flags, sockaddr* address, socklen_t* address_len) {
    return stack_call_cancellable(SYS_recvfrom, fd, arg(buffer), static_cast<long>(len), flags, arg(address),
                                  arg(address_len));
}

/// preadv2() and pwritev2() with offset -1 use the file's own position, and a socket has no other.
bool is_positioned(off_t offset) { return offset != -1; }

/// The `_chk` variants: glibc's promise that a read which may overrun its buffer ends the program.
void check_room(std::size_t len, std::size_t room) {
    if (__builtin_expect(len > room, 0)) {
        static constexpr char kText[] = "*** buffer overflow detected ***: terminated\n";
        raw_syscall(SYS_write, 2, arg(kText), sizeof(kText) - 1);
        abort();
    }
}

}  // namespace

long send_to(int fd, const void* buffer, std::size_t len, int flags, const sockaddr* address, socklen_t address_len) {
    OpenFile& file = *file_of(fd);
    const long error = before_send(fd, file, flags);
    if (error < 0) {
        return error;
    }
    return after_send(file,
                      stack_call_cancellable(SYS_sendto, fd, arg(buffer), static_cast<long>(len), flags | MSG_NOSIGNAL,
                                             arg(address), address_len),
                      flags);
}

ALPINE_CALL(ssize_t, read, int fd, void* buffer, std::size_t len) {
    if (is_stack_socket(fd)) {
        return answer<ssize_t>(stack_call_cancellable(SYS_read, fd, arg(buffer), static_cast<long>(len)));
    }
    return answer<ssize_t>(host_call(SYS_read, fd, arg(buffer), static_cast<long>(len)));
}

ALPINE_CALL(ssize_t, __read_chk, int fd, void* buffer, std::size_t len, std::size_t room) {
    check_room(len, room);
    return alpine_read(fd, buffer, len);
}

ALPINE_CALL(ssize_t, write, int fd, const void* buffer, std::size_t len) {
    if (is_stack_socket(fd)) {
        return answer<ssize_t>(send_to(fd, buffer, len, write_flags(*file_of(fd)), nullptr, 0));
    }
    return answer<ssize_t>(host_call(SYS_write, fd, arg(buffer), static_cast<long>(len)));
}

ALPINE_CALL(ssize_t, readv, int fd, const iovec* vector, int count) {
    if (is_stack_socket(fd)) {
        return answer<ssize_t>(stack_call_cancellable(SYS_readv, fd, arg(vector), count));
    }
    return answer<ssize_t>(host_call(SYS_readv, fd, arg(vector), count));
}

ALPINE_CALL(ssize_t, writev, int fd, const iovec* vector, int count) {
    if (is_stack_socket(fd)) {
        return answer<ssize_t>(write_vector(fd, vector, count));
    }
    return answer<ssize_t>(host_call(SYS_writev, fd, arg(vector), count));
}

ALPINE_CALL(ssize_t, preadv2, int fd, const iovec* vector, int count, off_t offset, int flags) {
    if (is_stack_socket(fd)) {
        if (is_positioned(offset)) {
            return answer<ssize_t>(-ESPIPE);
        }
        return answer<ssize_t>(stack_call_cancellable(SYS_preadv2, fd, arg(vector), count, offset, 0, flags));
    }
    return answer<ssize_t>(host_call(SYS_preadv2, fd, arg(vector), count, offset, 0, flags));
}
ALPINE_ALIAS(preadv64v2, preadv2);

ALPINE_CALL(ssize_t, pwritev2, int fd, const iovec* vector, int count, off_t offset, int flags) {
    if (is_stack_socket(fd)) {
        if (is_positioned(offset)) {
            return answer<ssize_t>(-ESPIPE);
        }
        return answer<ssize_t>(flags != 0 ? -EOPNOTSUPP : write_vector(fd, vector, count));
    }
    return answer<ssize_t>(host_call(SYS_pwritev2, fd, arg(vector), count, offset, 0, flags));
}
ALPINE_ALIAS(pwritev64v2, pwritev2);

ALPINE_CALL(ssize_t, send, int fd, const void* buffer, std::size_t len, int flags) {
    if (is_stack_socket(fd)) {
        return answer<ssize_t>(send_to(fd, buffer, len, flags, nullptr, 0));
    }
    return answer<ssize_t>(host_call(SYS_sendto, fd, arg(buffer), static_cast<long>(len), flags, 0, 0));
}

ALPINE_CALL(ssize_t, sendto, int fd, const void* buffer, std::size_t len, int flags, const sockaddr* address,
            socklen_t address_len) {
    if (is_stack_socket(fd)) {
        return answer<ssize_t>(send_to(fd, buffer, len, flags, address, address_len));
    }
    return answer<ssize_t>(
        host_call(SYS_sendto, fd, arg(buffer), static_cast<long>(len), flags, arg(address), address_len));
}

ALPINE_CALL(ssize_t, sendmsg, int fd, const msghdr* message, int flags) {
    if (is_stack_socket(fd)) {
        return answer<ssize_t>(send_message(fd, message, flags));
    }
    return answer<ssize_t>(host_call(SYS_sendmsg, fd, arg(message), flags));
}

ALPINE_CALL(int, sendmmsg, int fd, mmsghdr* messages, unsigned count, int flags) {
    if (is_stack_socket(fd)) {
        return answer(send_messages(fd, messages, count, flags));
    }
    return answer(host_call(SYS_sendmmsg, fd, arg(messages), count, flags));
}

ALPINE_CALL(ssize_t, recvfrom, int fd, void* buffer, std::size_t len, int flags, sockaddr* address,
            socklen_t* address_len) {
    if (is_stack_socket(fd)) {
        return answer<ssize_t>(receive_from(fd, buffer, len, flags, address, address_len));
    }
    return answer<ssize_t>(
        host_call(SYS_recvfrom, fd, arg(buffer), static_cast<long>(len), flags, arg(address), arg(address_len)));
}

ALPINE_CALL(ssize_t, __recvfrom_chk, int fd, void* buffer, std::size_t len, std::size_t room, int flags,
            sockaddr* address, socklen_t* address_len) {
    check_room(len, room);
    return alpine_recvfrom(fd, buffer, len, flags, address, address_len);
}

ALPINE_CALL(ssize_t, recv, int fd, void* buffer, std::size_t len, int flags) {
    return alpine_recvfrom(fd, buffer, len, flags, nullptr, nullptr);
}

ALPINE_CALL(ssize_t, __recv_chk, int fd, void* buffer, std::size_t len, std::size_t room, int flags) {
    check_room(len, room);
    return alpine_recvfrom(fd, buffer, len, flags, nullptr, nullptr);
}

ALPINE_CALL(ssize_t, recvmsg, int fd, msghdr* message, int flags) {
    if (is_stack_socket(fd)) {
        return answer<ssize_t>(stack_call_cancellable(SYS_recvmsg, fd, arg(message), flags));
    }
    return answer<ssize_t>(host_call(SYS_recvmsg, fd, arg(message), flags));
}

ALPINE_CALL(int, recvmmsg, int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
    if (is_stack_socket(fd)) {
        return answer(stack_call_cancellable(SYS_recvmmsg, fd, arg(messages), count, flags, arg(timeout)));
    }
    return answer(host_call(SYS_recvmmsg, fd, arg(messages), count, flags, arg(timeout)));
}

}  // namespace alp::calls
