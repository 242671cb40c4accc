// SPDX-License-Identifier: GPL-2.0
// Raw sockets: what they send must be this process's, too, though they have no port.
//
// Theory of operation
//
// A raw socket is in the stack, where everybody may have one, but what it sends passes alpined's checks like all else.
// So what it is about to send from is claimed on the way: the id of an echo request from alpined, the source port of a
// transport by binding a socket on the host, and a protocol without ports as soon as the socket is made, if alpined's
// policy grants it. What cannot be claimed is refused with EPERM, where it would be lost without a word. A socket has
// one such claim at a time, of what it sent from last.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>

#include "calls/descriptors.h"

namespace alp::calls {

/// A socket whose sender writes transport headers himself?
inline bool is_raw(const OpenFile& file) {
    return file.type == SOCK_RAW && (file.family == AF_INET || file.family == AF_INET6);
}

/// A raw socket was made: claims its protocol if that has no ports. Whether that is granted matters when it sends.
void claim_raw_protocol(OpenFile& file);

/// A raw socket is about to send `parts` to `address` (which may be null). 0, or -EPERM when alpined would drop that.
long before_raw_send(int fd, OpenFile& file, const iovec* parts, std::size_t count, const sockaddr* address,
                     socklen_t address_len);

}  // namespace alp::calls
