// SPDX-License-Identifier: GPL-2.0
// Is a thread of whatever process still there?
#pragma once

#include <cstdint>

namespace alp {

/// True if thread `id` (gettid) has ended, also if nobody has waited for its process yet. Not for hot paths: looks into
/// procfs. Async-signal-safe.
[[nodiscard]] bool is_dead(std::uint32_t id);

}  // namespace alp
