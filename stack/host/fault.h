// SPDX-License-Identifier: GPL-2.0
// Faults of the stack's own code.
#pragma once

#include "abi/stack.h"
#include "base/result.h"

namespace alp::stack {

/// Before anything of the stack runs: tells handle_fault() (stack.h) where the stack is.
void prepare_faults(const alpine_stack_image& image);

/// Installs a handler of SIGSEGV, SIGBUS and SIGILL that calls handle_fault(), and passes what is not the stack's to
/// the handler that was there before.
Result<void> install_fault_handler();

}  // namespace alp::stack
