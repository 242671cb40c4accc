// SPDX-License-Identifier: GPL-2.0
// The verbs of `alp`, one file each. add_VERB() puts the verb's options on the parser and leaves the exit code of
// what was done in `exit_code` when the verb was called for.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace alp::cli {

/// Exit codes besides the program's own (as a shell and env(1) give them).
constexpr int kExitCannotStart = 125;  ///< Alpine itself cannot start; one line on standard error says why
constexpr int kExitCannotRun = 126;    ///< the program was found and cannot be run
constexpr int kExitNotFound = 127;     ///< there is no such program
constexpr int kExitMisuse = 2;         ///< a mistake on the command line of any verb but `run`

/// Takes the program and its arguments off the words after `alp run` or `alp enter PID`, so that the parser never sees
/// the program's own options. `app` must have its verbs already. Returns them; empty for other verbs.
std::vector<std::string> split_off_command(const CLI::App& app, std::vector<std::string>& words);

/// `command` is what split_off_command() found; it must outlive the parser.
void add_run(CLI::App& app, const std::vector<std::string>& command, int& exit_code);
void add_enter(CLI::App& app, const std::vector<std::string>& command, int& exit_code);
void add_ps(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);

}  // namespace alp::cli
