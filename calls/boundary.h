// SPDX-License-Identifier: GPL-2.0
// Is this where an instruction begins? Machine code tells only those who read it from a known beginning.
#pragma once

#include "calls/text.h"

namespace alp::calls {

enum class Boundary { yes, no, unknown };

/// Reads the function that holds `at`, which the object's unwind table (.eh_frame_hdr) delimits, one instruction after
/// the other, by the decoder library Zydis, which is loaded when it is first needed. Does one begin at `at`? That is
/// unknown when there is no unwind table, or no Zydis. Not from inside the dynamic loader. One thread at a time.
[[nodiscard]] Boundary starts_instruction(const Byte* at);

}  // namespace alp::calls
