// SPDX-License-Identifier: GPL-2.0
// Who gets SIGIO and SIGURG of a socket: ids of processes and threads mean one thing on the host and another inside
// the stack.
#pragma once

namespace alp::calls {

/// Is this one of fcntl(2)'s commands about the owner of a descriptor?
[[nodiscard]] bool is_owner_command(int command);

/// F_SETOWN, F_GETOWN, F_SETOWN_EX, F_GETOWN_EX of a socket of the stack. Only processes of the family and their
/// threads can be owners (ESRCH otherwise): the stack signals nobody else. The group of this process is this process.
long control_owner(int fd, int command, long argument);

/// The same for ioctl(2): FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP.
[[nodiscard]] bool is_owner_request(unsigned long request);
long control_owner_device(int fd, unsigned long request, void* argument);

}  // namespace alp::calls
