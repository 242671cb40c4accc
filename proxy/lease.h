// SPDX-License-Identifier: GPL-2.0
// Ephemeral ports for clients, taken on the host by alpined itself.
#pragma once

#include <cstdint>

#include "abi/proxy.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace alp::proxy {

/// A port of the host's choosing, and the socket that holds it.
struct EphemeralPort {
    alpine_endpoint endpoint;  ///< on the wildcard address
    UniqueFd socket;
};

/// Binds a socket of TCP or UDP to any free port, for IPv6 and IPv4 or, on a host without IPv6, for IPv4 alone.
/// Errors: EPROTONOSUPPORT another protocol, EADDRINUSE none is free, EMFILE.
Result<EphemeralPort> take_ephemeral_port(std::uint8_t protocol);

}  // namespace alp::proxy
