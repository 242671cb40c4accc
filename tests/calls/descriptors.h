// SPDX-License-Identifier: GPL-2.0
// Descriptors sent over a Unix socket (SCM_RIGHTS).
#pragma once

#include <initializer_list>

#include "check.h"

/// At most, in one message.
constexpr int kMax = 8;

inline void send_descriptors(int over, std::initializer_list<int> fds) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMax)] = {};
    const size_t bytes = sizeof(int) * fds.size();
    iovec vector{const_cast<char*>("d"), 1};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(header), fds.begin(), bytes);
    CHECK(sendmsg(over, &message, 0) == 1);
}

/// Into `fds`, of kMax places. How many.
inline int receive_descriptors(int over, int* fds, int flags = 0) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMax)] = {};
    char byte;
    iovec vector{&byte, 1};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    CHECK(recvmsg(over, &message, flags) == 1 && byte == 'd' && (message.msg_flags & MSG_CTRUNC) == 0);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    CHECK(header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS);
    const size_t bytes = header->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(header), bytes);
    return static_cast<int>(bytes / sizeof(int));
}
