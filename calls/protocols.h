// SPDX-License-Identifier: GPL-2.0
// /proc/net/protocols: the stack's list, but for the Unix sockets, which are the host's (docs/calls.md).
#pragma once

namespace alp::calls {

/// A new descriptor of the host for the list, which merge_protocols() fills. -errno.
long new_protocols();

/// Puts the list at `fd`, to be read: of the stack's file `in_stack`, and of the host's at `path`. 0 or -errno.
long merge_protocols(long fd, long in_stack, const char* path, int flags);

}  // namespace alp::calls
