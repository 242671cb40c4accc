// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>

#include "base/result.h"

namespace alp::proxy {

/// Has the host's kernel TCP connections with this local port (sock_diag(7)), those in TIME_WAIT aside? Errors: those
/// of netlink; ENOENT the kernel has no inet_diag.
Result<bool> host_has_connections(std::uint16_t port_be);

}  // namespace alp::proxy
