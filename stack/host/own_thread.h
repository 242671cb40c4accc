// SPDX-License-Identifier: GPL-2.0
// Threads of Alpine's own beside the program's: they take no signal, and end with the process.
#pragma once

#include <cstddef>

namespace alp::stack {

/// Starts one, detached, with all signals blocked from its first instruction. `name` is what ps shows (at most 15
/// characters); `stack_bytes` 0 stands for the usual size. 0, or what pthread_create(3) answers.
int start_own_thread(const char* name, std::size_t stack_bytes, void* (*run)(void*), void* argument);

}  // namespace alp::stack
