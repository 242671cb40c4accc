// SPDX-License-Identifier: GPL-2.0
// The proof of ownership: a host socket that its sender got bound.
#pragma once

#include <cstdint>

#include "abi/proxy.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/claim_table.h"

namespace alp::proxy {

/// The cookie of the network namespace `socket` lives in (socket(7), SO_NETNS_COOKIE).
Result<std::uint64_t> netns_cookie(int socket);

/// Reads the endpoint off a socket that a client sent, and refuses what proves nothing: see the errors of CLAIM in
/// abi/proxy.h. `own_netns` is the cookie of alpined's own namespace.
///
/// A connected or a listening socket is refused on purpose: an accepted connection shows its listener's port
/// without giving its holder any right to it (a service started by a privileged parent has just such a socket).
Result<alpine_endpoint> inspect_bound_socket(int socket, std::uint64_t own_netns);

/// The endpoint of a socket of alpined's own.
Result<alpine_endpoint> endpoint_of_socket(int socket);
/// The same of a socket that proves nothing new, because its sender has been granted the endpoint before: listening and
/// connected ones are as good.
Result<alpine_endpoint> inspect_held_socket(int socket, std::uint64_t own_netns);

/// Does the socket still hold its port? Its sender has it, too, and can connect and disconnect it, which gives back a
/// port that was picked by the kernel (bind(2) to port 0).
[[nodiscard]] bool holds_port(int socket);

/// What the socket allows others on its endpoint. `uid`: whose it is.
[[nodiscard]] Sharing sharing_of(int socket, uid_t uid);

/// Binds a socket of alpined's own to `endpoint`, so that its port is taken: for others on the terms of `sharing`. Not
/// valid: somebody has it (the endpoint's owner himself, mostly), the address is gone, this kernel has no socket for
/// the transport, or the transport has no ports.
[[nodiscard]] UniqueFd hold_port(const alpine_endpoint& endpoint, const Sharing& sharing);

/// Broadcasts and what else steering leaves to the host would pile up in a socket that nobody reads.
void take_nothing_in(int socket);

/// Does this kernel have a socket for the transport? Then it must be claimed by a bound one.
[[nodiscard]] bool host_has_transport(std::uint8_t protocol);

}  // namespace alp::proxy
