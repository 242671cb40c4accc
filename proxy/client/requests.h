// SPDX-License-Identifier: GPL-2.0
// What the client's two ways of asking (client.cpp, reattachment.cpp) have in common. No heap.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "abi/proxy.h"
#include "base/raw_syscall.h"
#include "base/unique_fd.h"

namespace alp::proxy {

template <typename T>
T make_request(alpine_msg_type type) {
    T request{};
    alpine_msg_header header{};
    header.magic = ALPINE_PROXY_MAGIC;
    header.version = ALPINE_PROXY_VERSION;
    header.type = static_cast<__u16>(type);
    header.length = sizeof(T);
    std::memcpy(&request, &header, sizeof(header));
    return request;
}

/// A reply as it came.
struct RawReply {
    alignas(8) std::array<std::byte, ALPINE_MSG_MAX> bytes{};
    std::size_t length = 0;
    UniqueFd fd;

    [[nodiscard]] alpine_reply head() const {
        alpine_reply reply{};
        std::memcpy(&reply, bytes.data(), sizeof(reply));
        return reply;
    }
};

/// recvmsg(2) with at most one descriptor. The length, 0 at the end of the connection, or -errno.
inline long receive_with_fd(int socket, void* bytes, std::size_t size, UniqueFd& fd, int flags) {
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    iovec data{bytes, size};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const long length = raw_syscall(SYS_recvmsg, socket, arg(&message), MSG_CMSG_CLOEXEC | flags);
    if (length < 0) {
        return length;
    }
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            int received = -1;
            std::memcpy(&received, CMSG_DATA(c), sizeof(received));
            fd.reset(received);
        }
    }
    return length;
}

/// getsockopt that leaves errno and libc alone.
template <typename T>
long raw_getsockopt(int socket, int level, int name, T& value) {
    socklen_t length = sizeof(value);
    return raw_syscall(SYS_getsockopt, socket, level, name, arg(&value), arg(&length));
}

/// How long an answer may take: see client.cpp.
constexpr timeval kAnswerTimeout = {10, 0}; /* s, us */

}  // namespace alp::proxy
