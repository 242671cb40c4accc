// SPDX-License-Identifier: GPL-2.0
// Finding the program to run, and telling beforehand whether it can be preloaded.
//
// A static program has no loader that would read LD_PRELOAD. It would run on the host's stack without a word, which is
// what Alpine must never do; so it is refused here. A set-user-ID program, or one with file capabilities, has a loader
// that ignores LD_PRELOAD; it is started through the loader by name, without the rights it would have gained.
#pragma once

#include <string>

#include "base/result.h"

namespace alp::cli {

/// Finds `name` as execvp() would: by its path when it holds a '/', otherwise along PATH.
/// ENOENT: no such program. EACCES: found, and it may not be executed (or is a directory).
Result<std::string> find_program(const std::string& name);

/// Can libalpine.so be preloaded into the program at `path` (into its interpreter, when it is a script)? Answers the
/// loader through which it has to be started; empty: none, the kernel may start it.
/// ENOEXEC with a line that says why not. A file that cannot be read is taken to be fine: exec will tell.
Result<std::string> check_preloadable(const std::string& path);

}  // namespace alp::cli
