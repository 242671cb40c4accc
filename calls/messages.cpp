// SPDX-License-Identifier: GPL-2.0
// sendmsg, recvmsg and their many-message forms. On a Unix socket of the host, descriptors may travel with a message:
// those of the stack are seen to by passing.h.
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/passing.h"
#include "calls/send.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

long send_through_host(int fd, const msghdr* message, int flags) {
    Outgoing outgoing(message);
    const long error = outgoing.prepare();
    return error < 0 ? error : host_call(SYS_sendmsg, fd, arg(outgoing.message()), flags);
}

/// Messages that carry descriptors of the stack go one by one.
long send_many_through_host(int fd, mmsghdr* messages, unsigned count, int flags) {
    unsigned sent = 0;
    for (; sent < count; ++sent) {
        const long len = send_through_host(fd, &messages[sent].msg_hdr, flags);
        if (len < 0) {
            return sent > 0 ? sent : len;
        }
        messages[sent].msg_len = static_cast<unsigned>(len);
    }
    return sent;
}

bool any_carries(const mmsghdr* messages, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        if (carries_stack_descriptors(&messages[i].msg_hdr)) {
            return true;
        }
    }
    return false;
}

}  // namespace

ALPINE_SYSTEM_CALL(ssize_t, sendmsg, (int fd, const msghdr* message, int flags), (fd, message, flags)) {
    if (is_stack_socket(fd)) {
        return send_message(fd, message, flags);
    }
    if (carries_stack_descriptors(message)) {
        return send_through_host(fd, message, flags);
    }
    return host_call_on(SYS_sendmsg, fd, arg(message), flags);
}

ALPINE_SYSTEM_CALL(int, sendmmsg, (int fd, mmsghdr* messages, unsigned count, int flags),
                   (fd, messages, count, flags)) {
    if (is_stack_socket(fd)) {
        return send_messages(fd, messages, count, flags);
    }
    if (stack::running() && any_carries(messages, count)) {
        return send_many_through_host(fd, messages, count, flags);
    }
    return host_call_on(SYS_sendmmsg, fd, arg(messages), count, flags);
}

ALPINE_SYSTEM_CALL(ssize_t, recvmsg, (int fd, msghdr* message, int flags), (fd, message, flags)) {
    if (is_stack_socket(fd)) {
        return stack_call_cancellable(SYS_recvmsg, fd, arg(message), flags);
    }
    const long len = host_call_on(SYS_recvmsg, fd, arg(message), flags);
    if (len >= 0 && descriptors_may_come(message)) {
        take_passed_descriptors(message, flags);
    }
    return len;
}

ALPINE_SYSTEM_CALL(int, recvmmsg, (int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout),
                   (fd, messages, count, flags, timeout)) {
    if (is_stack_socket(fd)) {
        return stack_call_cancellable(SYS_recvmmsg, fd, arg(messages), count, flags, arg(timeout));
    }
    const long received = host_call(SYS_recvmmsg, fd, arg(messages), count, flags, arg(timeout));
    for (long i = 0; i < received; ++i) {
        if (!descriptors_may_come(&messages[i].msg_hdr)) {
            continue;
        }
        take_passed_descriptors(&messages[i].msg_hdr, flags);
    }
    return received;
}

}  // namespace alp::calls
