// SPDX-License-Identifier: GPL-2.0
// Threads of Alpine's own beside the program's: they take no signal, and end with the process.
#pragma once

#include <cstddef>

namespace alp::stack {

/// Starts one, detached, with all signals blocked from its first instruction. Its stack, which holds the program's
/// thread-local variables too, is at least `stack_bytes` large. 0, or what pthread_create(3) answers.
int start_own_thread(std::size_t stack_bytes, void* (*run)(void*), void* argument);

/// By such a thread, first of all: what ps is to show (at most 15 characters). (Named from outside, by procfs, the
/// process would pay for the entries there when it ends: as much as for all else that a short-lived child does.)
void begin_own_thread(const char* name);

/// Called there, if not null: for rooms that keep things for each thread.
extern void (*on_own_thread)();

/// By such a thread that has nothing more to do. It must not end before the process: is_last_program_thread().
[[noreturn]] void rest_for_ever();

/// Does the calling thread end as the last of the program's, so that only threads started so would be left?
[[nodiscard]] bool is_last_program_thread();

/// In a forked child: it has none of them.
void forget_own_threads();

}  // namespace alp::stack
