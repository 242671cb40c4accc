// SPDX-License-Identifier: GPL-2.0
#include "proxy/message_io.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/fd_message.h"

namespace alp::proxy {
namespace {

// One is ever right; room for some strays, so that they are ours to close and to count.
constexpr std::size_t max_fds = 16;

void take_descriptors(const cmsghdr& control, std::vector<UniqueFd>& fds) {
    const std::size_t count = (control.cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(&control) + i * sizeof(int), sizeof(fd));
        fds.emplace_back(fd);
    }
}

void take_control(msghdr& message, Incoming& in) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (c->cmsg_type == SCM_RIGHTS) {
            take_descriptors(*c, in.fds);
        } else if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(ucred))) {
            in.sender.emplace();
            std::memcpy(&*in.sender, CMSG_DATA(c), sizeof(ucred));
        }
    }
}

}  // namespace

void ask_for_senders(int connection) {
    const int on = 1;
    // Refused: then it is whoever connected.
    (void)setsockopt(connection, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
}

Result<Incoming> receive(int connection) {
    Incoming in;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(max_fds * sizeof(int)) + CMSG_SPACE(sizeof(ucred))> control;
    iovec data{in.bytes.data(), in.bytes.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();

    const ssize_t length = recvmsg(connection, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
    if (length < 0) {
        return Error{errno, "recvmsg"};
    }
    take_control(message, in);
    // An empty packet and the end of the connection look the same; neither is a request.
    if (length == 0) {
        return Error{ENOTCONN, "recvmsg"};
    }
    in.oversized = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    in.length = std::min(static_cast<std::size_t>(length), in.bytes.size());
    return in;
}

Result<void> send(int connection, std::span<const std::byte> bytes, int fd) {
    const FdMessage message(bytes.data(), bytes.size(), fd);
    if (sendmsg(connection, message.header(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        return Error{errno, "sendmsg"};
    }
    return {};
}

}  // namespace alp::proxy
