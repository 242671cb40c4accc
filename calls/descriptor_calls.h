// SPDX-License-Identifier: GPL-2.0
// Making second numbers for descriptors of the stack, and taking numbers away.
#pragma once

namespace alp::calls {

/// close(2) of a descriptor whose kind is not host. 0 or -errno.
long close_stack_descriptor(int fd);

/// fcntl(F_DUPFD) and F_DUPFD_CLOEXEC of a descriptor whose kind is not host. The new number or -errno.
long duplicate_from(int fd, int command, int lowest);

/// close_range() of host descriptors, stepping over Alpine's own. 0 or -errno.
long close_host_range(unsigned first, unsigned last);

/// Gives number `copy`, which the host has made, the meaning of `fd` in the stack and in the table. `copy` or -errno.
long attach_copy(int fd, int copy);

}  // namespace alp::calls
