// SPDX-License-Identifier: GPL-2.0
// libc's own version of a function that does more than a system call.
#pragma once

#include <dlfcn.h>

namespace alp::calls {

/// The next definition of an interposed function, found when first needed (never in a constructor).
template <typename Function>
Function next_symbol(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace alp::calls
