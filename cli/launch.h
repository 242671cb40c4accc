// SPDX-License-Identifier: GPL-2.0
// Becoming the program that the user named: what `alp run` and `alp enter` do in the end.
#pragma once

#include <string>
#include <vector>

namespace alp::cli {

/// Says on standard error why Alpine cannot start. The exit code for that.
int cannot_start(const std::string& why);

/// Finds the program and becomes it, through its loader where it would gain rights. Comes back only with an exit code,
/// the reason said: it is not there, cannot be run, or cannot have libalpine.so preloaded.
int launch(const std::vector<std::string>& command);

}  // namespace alp::cli
