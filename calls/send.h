// SPDX-License-Identifier: GPL-2.0
// Sending into the stack: gives a socket its port if it needs one, raises SIGPIPE if it must. Cancellation points.
#pragma once

#include <sys/socket.h>

#include <cstddef>

namespace alp::calls {

/// sendto(2) on a stack socket. Bytes or -errno.
long send_to(int fd, const void* buffer, std::size_t len, int flags, const sockaddr* address, socklen_t address_len);

/// sendmsg(2) and sendmmsg(2) on a stack socket. Bytes, or messages, or -errno.
long send_message(int fd, const msghdr* message, int flags);
long send_messages(int fd, mmsghdr* messages, unsigned count, int flags);

}  // namespace alp::calls
