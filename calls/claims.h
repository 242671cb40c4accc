// SPDX-License-Identifier: GPL-2.0
// Ports this process owns on the host: claimed from alpined, shared by sockets, given back when the stack is done.
//
// Theory of operation
//
// A claim is an endpoint {protocol, local address, port} that alpined steers to this process. The first socket on
// an endpoint claims it; others on the same one (SO_REUSEPORT, connections accepted from a listener) only count.
// When the last of them closes, a datagram port goes back at once. A stream port stays "idle" until the stack has
// no socket on it, TIME_WAIT included: else the host could give it out and see segments of a dead connection.
// Idle claims are looked at again by housekeeping(). While a claim lives, alpined's copy of the dummy keeps the
// port taken on the host; so a bind() of ours to a port we own is refused by the host and judged by the stack.
#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "calls/descriptors.h"

namespace alp::calls {

/// Binds the dummy on the host, claims what it got, and binds the stack's socket to the same. `address` may have
/// port 0. Under file.binding. 0 or -errno, as bind(2).
long bind_and_claim(int fd, OpenFile& file, const sockaddr* address, socklen_t len);

/// A socket about to send, connect or listen without bind(): gives it a port of ours on the wildcard address.
/// Nothing to do for one that has a port or whose protocol has none. 0 or -errno.
long ensure_port(int fd, OpenFile& file);

/// Claims the port of `address` on the wildcard address, without binding anything: for calls that bind in ways of
/// their own (sctp_bindx). 0 or -errno; -EINVAL when the address has no port.
long claim_port(OpenFile& file, const sockaddr* address);

/// An accepted connection lives on its listener's claim.
void share_claim(OpenFile& listener, OpenFile& connection);

/// The last descriptor of `file` is gone, in the stack too: its claim has one user less.
void drop_claim(OpenFile& file);

/// Gives back the idle claims that the stack is done with. Cheap when there are none. Any thread.
void housekeeping();

/// The same, but at most every so often; called on the way of other calls.
void housekeeping_now_and_then();

/// In a forked child: the claims are the parent's.
void reset_claims_after_fork();

}  // namespace alp::calls
