// SPDX-License-Identifier: GPL-2.0
// Faults of the stack's own code.
#pragma once

#include "abi/stack.h"
#include "base/result.h"

namespace alp::stack {

/// Installs the process's SIGSEGV and SIGBUS handler: a fault in a copy to or from the program's memory goes on at its
/// fixup (the call answers EFAULT), any other in the stack's code ends in a readable oops, one elsewhere is
/// passed to the handler that was there before.
Result<void> install_fault_handler(const alpine_stack_image& image);

}  // namespace alp::stack
