// SPDX-License-Identifier: GPL-2.0
// The operations that the stack asks of its host process (abi/stack.h, alpine_host_ops).
#pragma once

#include <cstdint>

#include "abi/stack.h"

namespace alp::stack {

/// Table for alpine_process.ops. `wire_fd` is the TUN queue, or -1; not owned.
const alpine_host_ops* host_ops(int wire_fd);

/// Packets that the stack has read from the wire in this process. With the token.
[[nodiscard]] std::uint64_t packets_read();

}  // namespace alp::stack
