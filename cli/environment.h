// SPDX-License-Identifier: GPL-2.0
// What `alp run` was asked for, as the ALPINE_* variables that libalpine.so reads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/install.h"

namespace alp::cli {

struct RunOptions {
    std::string stack = kDefaultStack;
    std::vector<std::string> sysctls;  ///< "name=value", in the order given
    std::string wire;                  ///< "steer", "classic"; empty: what alpined prefers
    std::string memory;                ///< of the stack, in bytes; empty: the default
    std::string stack_per = "family";  ///< or "process"
    std::uint32_t busy_poll_us = 0;    ///< how long a waiting thread watches the wire before it sleeps
    bool dmesg = false;                ///< copy the stack's kernel log to standard error
    bool explain = false;              ///< a table of calls at the end of each process
    std::vector<std::string> command;
};

/// The variables to set, LD_PRELOAD among them (what was preloaded already stays, after libalpine.so).
/// EINVAL for a sysctl that is not NAME=VALUE or cannot be passed on, and for too little memory.
Result<std::map<std::string, std::string>> run_environment(const Install& install, const RunOptions& options);

}  // namespace alp::cli
