// SPDX-License-Identifier: GPL-2.0
// Finds the family of a process from outside, by its id: for `alp enter`. Not part of libalpine.
#pragma once

#include <sys/types.h>

#include <array>

#include "base/result.h"
#include "base/unique_fd.h"

namespace alp::stack {

/// Copies of what a process needs to attach to another's stack: memory object, wire, kick and the four descriptors of
/// the connection to alpined, in this order. Not valid where the process has none.
using Visit = std::array<UniqueFd, 7>;

/// Errors: ESRCH no such process, ENOENT it carries no stack, EPERM it is another user's (or may not be looked into:
/// kernel.yama.ptrace_scope), EPROTO its Alpine is of another build.
Result<Visit> visit_process(pid_t process);

}  // namespace alp::stack
