// SPDX-License-Identifier: GPL-2.0
// Looks for pointers in the stack's arena that lead out of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace alp::stack {

struct ArenaPointer {
    std::uint64_t at;     ///< where in the arena
    std::uint64_t value;  ///< what stands there
    std::string mapping;  ///< the line of /proc/self/maps it points into
};

/// Every aligned word of the arena that is an address in a mapping of this process outside image and arena.
///
/// Two places are left out, because they hold a program's pointers by their nature and only while a call lasts or
/// until the next one overwrites them: kernel stacks and the call blocks (alpine_task.args). The stack must be at
/// rest; freed memory counts too, so boot it with init_on_free=1.
std::vector<ArenaPointer> find_private_pointers();

}  // namespace alp::stack
