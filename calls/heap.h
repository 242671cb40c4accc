// SPDX-License-Identifier: GPL-2.0
// Memory of libalpine.so's own, apart from the program's.
//
// The library has threads of its own in a process that may believe it has one thread only, whose malloc() then takes no
// locks (<sys/single_threaded.h>). And its code runs in signal handlers that may have interrupted malloc(). So operator
// new, within libalpine.so, is not the program's. libalpine.a cannot have its own, as it would be the program's too:
// there the process is told that it has threads.
#pragma once

namespace alp::calls {

/// Defined only where operator new is our own: in libalpine.so.
[[gnu::weak]] extern const bool own_heap;

inline bool has_own_heap() { return &own_heap != nullptr; }

/// In a forked child: whoever held the heap's lock is not here.
[[gnu::weak]] void reset_heap_after_fork();

}  // namespace alp::calls
