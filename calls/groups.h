// SPDX-License-Identifier: GPL-2.0
// Multicast groups: what a socket of the stack joins, the host must join as well, on the device that the packets come
// by.
//
// Theory of operation
//
// The stack's socket joins in the stack, which decides what the program gets. The host's device and the network's
// routers only hear of groups that the host's kernel is in. So a host socket joins beside the dummy: one without a
// port, that never gets a packet itself. The stack has one device where the host has several, whose numbers mean
// nothing there: a group that is joined on a device of the stack by number is joined where the host's routes say.
#pragma once

#include <sys/socket.h>

#include "calls/descriptors.h"

namespace alp::calls {

/// Is this one of setsockopt(2)'s ways to join or leave a group?
[[nodiscard]] bool changes_groups(int level, int option);

/// The stack has accepted such an option: does the same on the host. 0, or the host's -errno (ENOBUFS: too many
/// groups). The membership in the stack stands, in any case, until the socket leaves the group or is closed.
long mirror_groups(OpenFile& file, int level, int option, const void* value, socklen_t len);

/// A socket that came from another process, or over exec: joins on the host what it is in.
void rejoin_groups(int fd, OpenFile& file);

/// The socket is closed.
void leave_groups(OpenFile& file);

}  // namespace alp::calls
