// SPDX-License-Identifier: GPL-2.0
// Reading and writing a program's memory through a pointer that may be bad: EFAULT, where a plain access would end
// the program.
#pragma once

#include <cstddef>

namespace alp::calls {

/// Copies `len` bytes between the program's memory and ours, either way. False where a kernel would answer EFAULT; a
/// part may have been copied. Async-signal-safe.
[[nodiscard]] bool guarded_copy(void* to, const void* from, std::size_t len);

/// Copies a string of the program's with its end. Its length, or -EFAULT, or -ENAMETOOLONG if it does not fit.
[[nodiscard]] long guarded_string(char* to, const char* from, std::size_t room);

/// In a handler of SIGSEGV or SIGBUS: if the fault is a guarded access's, lets it fail and answers true.
bool end_guarded_access(void* ucontext);

}  // namespace alp::calls
