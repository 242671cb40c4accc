// SPDX-License-Identifier: GPL-2.0
// Sending into the stack on behalf of calls that are not send().
#pragma once

#include <sys/socket.h>

#include <cstddef>

namespace alp::calls {

/// sendto(2) on a stack socket: gives it a port if it needs one, raises SIGPIPE if it must. Bytes or -errno.
long send_to(int fd, const void* buffer, std::size_t len, int flags, const sockaddr* address, socklen_t address_len);

}  // namespace alp::calls
