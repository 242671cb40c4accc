// SPDX-License-Identifier: GPL-2.0
// The mirror kept up to date while the program runs, by a thread of its own.
#pragma once

#include "base/result.h"

namespace alp::wire {

/// Does what mirror_host() does, and from then on follows the host's changes: each is in the stack a few milliseconds
/// after the host has announced it. The thread that does this sleeps in poll(2) between changes, has a descriptor table
/// of its own (stack/host/own_table.h), takes no signal, and ends with the process. Once per process, after
/// stack::start(). Errors: those of mirror_host(), and EAGAIN when there can be no more threads.
///
/// The thread allocates memory: operator new must be safe beside the program's own allocations (calls/heap.h).
Result<void> follow_host();

}  // namespace alp::wire
