// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>

namespace alp {

/// Zeroed memory, in whole pages, that is never given back; null: there is none. Any thread. As long as it lasts it
/// comes from one area: the host's kernel takes 2 us to copy an area for a forked child and to take it away at its end.
void* keep_memory(std::size_t len_bytes);

}  // namespace alp
