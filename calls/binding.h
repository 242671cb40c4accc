// SPDX-License-Identifier: GPL-2.0
// How a stack socket comes by its port: the same one on both sides, the stack's socket and the host's dummy.
//
// Theory of operation
//
// A port that the program names is bound on the host first, by the dummy, so that the host's rules and the host's own
// sockets decide; then in the stack. A port that nobody names is chosen by the stack, by its own rules
// (ip_local_port_range, IP_LOCAL_PORT_RANGE, reserved ports, what may be shared), and then bound on the host; if the
// host has something there, the stack chooses another. Such a port is not the socket's for ever: the stack forgets it
// when the connection ends (also by connect() to AF_UNSPEC), and the socket may bind or connect anew. So a socket whose
// port was chosen is looked at again before each call that could find it without one.
#pragma once

#include <sys/socket.h>

#include "calls/descriptors.h"

namespace alp::calls {

/// bind(2) of a socket whose protocol has ports: dummy, claim and stack. 0 or -errno.
long bind_socket(int fd, OpenFile& file, const sockaddr* address, socklen_t len);

/// A socket about to send without bind(): gives it a port of ours. Nothing to do for one that has a port or whose
/// protocol has none. 0 or -errno (EADDRINUSE when there are no more ports).
long ensure_port(int fd, OpenFile& file);

/// The same for one that is about to connect or listen, and may have lost the port that was chosen for it.
long renew_port(int fd, OpenFile& file);

/// The socket was disconnected: if it lost its port by that, so does the dummy.
void forget_lost_port(int fd, OpenFile& file);

/// Claims the port of `address` on the wildcard address, without binding anything: for calls that bind in ways of
/// their own (sctp_bindx). 0 or -errno; -EINVAL when the address has no port.
long claim_port(OpenFile& file, const sockaddr* address);

}  // namespace alp::calls
