// SPDX-License-Identifier: GPL-2.0
// The stack's sysctls: the user's (alp run --sysctl) and those that the host's are taken for. At start, with the stack
// running.
#pragma once

#include <string>

#include "base/result.h"

namespace alp::calls {

/// Sets one, as `sysctl -w` does. `name` with dots or slashes. Errors: those of open(2) and write(2), naming it.
Result<void> set_sysctl(const std::string& name, const std::string& value);

/// Gives the stack the host's rules about local ports.
void adopt_host_sysctls();

}  // namespace alp::calls
