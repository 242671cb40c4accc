// SPDX-License-Identifier: GPL-2.0
// What the environment (`alp run`, or the user under a bare LD_PRELOAD) says about the stack to start.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "abi/proxy.h"
#include "base/result.h"

namespace alp::calls {

struct Config {
    std::string image_path;                                    ///< ALPINE_STACK: a name (linux-6.12) or a path
    std::string daemon_address;                                ///< ALPINE_SOCKET
    std::uint64_t memory_bytes;                                ///< ALPINE_MEMORY: 512M, 2G
    bool dmesg;                                                ///< ALPINE_DMESG
    alpine_wire wire;                                          ///< ALPINE_WIRE: steer, classic
    std::vector<std::pair<std::string, std::string>> sysctls;  ///< ALPINE_SYSCTL: "name=value;name=value"
};

/// ALPINE_BUSY_POLL, microseconds: how long this process's threads watch the wire before they sleep. Errors: EINVAL.
Result<std::uint32_t> busy_poll_us();

/// Reads it. Errors: EINVAL with the variable's name.
Result<Config> read_config();

}  // namespace alp::calls
