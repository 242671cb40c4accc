// SPDX-License-Identifier: GPL-2.0
// Everything sent into the stack carries MSG_NOSIGNAL, write() included (on a socket it is sendto() without an
// address): the SIGPIPE of a broken connection is raised here, in the program's own process.
#include "calls/send.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/syscall.h>

#include "calls/binding.h"
#include "calls/descriptors.h"
#include "calls/guard.h"
#include "calls/raw.h"
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
    const long error = ensure_port(fd, file);
    return error == -EADDRINUSE ? -EAGAIN : error;  // what sending calls running out of ports
}

long before_raw_message(int fd, OpenFile& file, const msghdr* message) {
    msghdr copy;
    if (!guarded_copy(&copy, message, sizeof(copy))) {
        return 0;  // the stack will say what is wrong
    }
    return before_raw_send(fd, file, copy.msg_iov, copy.msg_iovlen, static_cast<const sockaddr*>(copy.msg_name),
                           copy.msg_namelen);
}

}  // namespace

long send_to(int fd, const void* buffer, std::size_t len, int flags, const sockaddr* address, socklen_t address_len) {
    OpenFile& file = *file_of(fd);
    long error = before_send(fd, file, flags);
    if (__builtin_expect(is_raw(file), 0)) {
        const iovec data{const_cast<void*>(buffer), len};
        error = before_raw_send(fd, file, &data, 1, address, address_len);
    }
    if (error < 0) {
        return error;
    }
    return after_send(file,
                      stack_call_cancellable(SYS_sendto, fd, arg(buffer), static_cast<long>(len), flags | MSG_NOSIGNAL,
                                             arg(address), address_len),
                      flags);
}

long send_message(int fd, const msghdr* message, int flags) {
    OpenFile& file = *file_of(fd);
    const long error = is_raw(file) ? before_raw_message(fd, file, message) : before_send(fd, file, flags);
    if (error < 0) {
        return error;
    }
    return after_send(file, stack_call_cancellable(SYS_sendmsg, fd, arg(message), flags | MSG_NOSIGNAL), flags);
}

long send_messages(int fd, mmsghdr* messages, unsigned count, int flags) {
    OpenFile& file = *file_of(fd);
    // A batch of a raw socket is taken to send from where its first message does.
    const long error =
        is_raw(file) && count != 0 ? before_raw_message(fd, file, &messages->msg_hdr) : before_send(fd, file, flags);
    if (error < 0) {
        return error;
    }
    return after_send(file, stack_call_cancellable(SYS_sendmmsg, fd, arg(messages), count, flags | MSG_NOSIGNAL),
                      flags);
}

}  // namespace alp::calls
