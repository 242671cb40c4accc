// SPDX-License-Identifier: GPL-2.0
// What alpined gives up.
//
// Stage 1, the start: all of root's rights, to load programs, find those of the alpined before, and set limits.
// Stage 2, from the first client on: the capabilities that devices, filters, maps, resets and ports need, no way to
// more, and the system calls that serving takes.
#pragma once

#include "base/result.h"

namespace alp::proxy {

/// Goes from stage 1 to stage 2, for good. Call it on the only thread there is.
Result<void> confine();

}  // namespace alp::proxy
