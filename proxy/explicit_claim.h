// SPDX-License-Identifier: GPL-2.0
// Endpoints that no host socket can stand for: of transports the host's kernel lacks, whose ports alpined holds itself;
// ids of echo requests from raw sockets; protocols without ports, which the policy grants.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "abi/proxy.h"
#include "base/result.h"
#include "proxy/claim_table.h"
#include "proxy/policy/policy.h"

namespace alp::proxy {

/// Inclusive.
struct PortRange {
    std::uint16_t first = 32768;
    std::uint16_t last = 60999;
};

/// The host's net.ipv4.ip_local_port_range.
PortRange ephemeral_range();

/// Checks what bind(2) would check, and picks a port (from the host's ip_local_port_range) if none is asked for.
/// Errors: EPROTONOSUPPORT not a transport for this, EOPNOTSUPP the host has it, EACCES, EPERM not granted, EADDRINUSE.
Result<alpine_endpoint> admit_explicit(const alpine_endpoint& wanted, unsigned ifindex, uid_t uid, const Policy& policy,
                                       const ClaimTable& claims);

}  // namespace alp::proxy
