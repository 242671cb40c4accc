// SPDX-License-Identifier: GPL-2.0
// Moving data: read and write, recv and send. (Messages with ancillary data: messages.cpp.)
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/guard.h"
#include "calls/send.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

/// What write() adds to send(): a record socket ends its record.
int write_flags(const OpenFile& file) { return file.type == SOCK_SEQPACKET ? MSG_EOR : 0; }

/// writev() of nothing writes nothing, where sendmsg() of nothing would send an empty datagram.
bool is_empty_record(const OpenFile& file, const iovec* vector, int count) {
    if (file.type == SOCK_STREAM) {
        return false;
    }
    for (int i = 0; i < count; ++i) {
        iovec part{};
        if (!guarded_copy(&part, vector + i, sizeof(part)) || part.iov_len != 0) {
            return false;
        }
    }
    return true;
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

ALPINE_SYSTEM_CALL(ssize_t, read, (int fd, void* buffer, std::size_t len), (fd, buffer, len)) {
    if (is_in_stack(fd)) {
        return stack_call_cancellable(SYS_read, fd, arg(buffer), static_cast<long>(len));
    }
    return host_call_on(SYS_read, fd, arg(buffer), static_cast<long>(len));
}

ALPINE_CALL(ssize_t, __read_chk, int fd, void* buffer, std::size_t len, std::size_t room) {
    check_room(len, room);
    return alpine_read(fd, buffer, len);
}

ALPINE_SYSTEM_CALL(ssize_t, write, (int fd, const void* buffer, std::size_t len), (fd, buffer, len)) {
    if (is_stack_socket(fd)) {
        return send_to(fd, buffer, len, write_flags(*file_of(fd)), nullptr, 0);
    }
    if (is_in_stack(fd)) {
        return stack_call_cancellable(SYS_write, fd, arg(buffer), static_cast<long>(len));
    }
    return host_call_on(SYS_write, fd, arg(buffer), static_cast<long>(len));
}

ALPINE_SYSTEM_CALL(ssize_t, readv, (int fd, const iovec* vector, int count), (fd, vector, count)) {
    if (is_in_stack(fd)) {
        return stack_call_cancellable(SYS_readv, fd, arg(vector), count);
    }
    return host_call_on(SYS_readv, fd, arg(vector), count);
}

ALPINE_SYSTEM_CALL(ssize_t, writev, (int fd, const iovec* vector, int count), (fd, vector, count)) {
    if (is_stack_socket(fd)) {
        return write_vector(fd, vector, count);
    }
    if (is_in_stack(fd)) {
        return stack_call_cancellable(SYS_writev, fd, arg(vector), count);
    }
    return host_call_on(SYS_writev, fd, arg(vector), count);
}

ALPINE_SYSTEM_CALL(ssize_t, preadv2, (int fd, const iovec* vector, int count, off_t offset, int flags),
                   (fd, vector, count, offset, flags)) {
    if (is_stack_socket(fd)) {
        if (is_positioned(offset)) {
            return -ESPIPE;
        }
        return stack_call_cancellable(SYS_preadv2, fd, arg(vector), count, offset, 0, flags);
    }
    return host_call_on(SYS_preadv2, fd, arg(vector), count, offset, 0, flags);
}
ALPINE_ALIAS(preadv64v2, preadv2);

ALPINE_SYSTEM_CALL(ssize_t, pwritev2, (int fd, const iovec* vector, int count, off_t offset, int flags),
                   (fd, vector, count, offset, flags)) {
    if (is_stack_socket(fd)) {
        if (is_positioned(offset)) {
            return -ESPIPE;
        }
        return flags != 0 ? -EOPNOTSUPP : write_vector(fd, vector, count);
    }
    return host_call_on(SYS_pwritev2, fd, arg(vector), count, offset, 0, flags);
}
ALPINE_ALIAS(pwritev64v2, pwritev2);

ALPINE_SYSTEM_CALL(ssize_t, sendto,
                   (int fd, const void* buffer, std::size_t len, int flags, const sockaddr* address,
                    socklen_t address_len),
                   (fd, buffer, len, flags, address, address_len)) {
    if (is_stack_socket(fd)) {
        return send_to(fd, buffer, len, flags, address, address_len);
    }
    return host_call_on(SYS_sendto, fd, arg(buffer), static_cast<long>(len), flags, arg(address), address_len);
}

ALPINE_CALL(ssize_t, send, int fd, const void* buffer, std::size_t len, int flags) {
    return alpine_sendto(fd, buffer, len, flags, nullptr, 0);
}

ALPINE_SYSTEM_CALL(ssize_t, recvfrom,
                   (int fd, void* buffer, std::size_t len, int flags, sockaddr* address, socklen_t* address_len),
                   (fd, buffer, len, flags, address, address_len)) {
    if (is_stack_socket(fd)) {
        return receive_from(fd, buffer, len, flags, address, address_len);
    }
    return host_call_on(SYS_recvfrom, fd, arg(buffer), static_cast<long>(len), flags, arg(address), arg(address_len));
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

}  // namespace alp::calls
