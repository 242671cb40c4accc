// SPDX-License-Identifier: GPL-2.0
// alp: run programs on Alpine, and see what runs on it.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/verbs.h"

namespace {

/// A mistake on the command line: one line. `alp run` and `alp enter` answer as they do whenever they cannot start.
int report_misuse(const CLI::App& app, const CLI::ParseError& error) {
    std::string line = error.what();
    for (char& c : line) {
        c = c == '\n' ? ' ' : c;
    }
    fmt::print(stderr, "alp: {} (see alp --help)\n", line);
    const bool starts = app.got_subcommand("run") || app.got_subcommand("enter");
    return starts ? alp::cli::kExitCannotStart : alp::cli::kExitMisuse;
}

int parse_and_do(CLI::App& app, std::vector<std::string> words, std::vector<std::string>& command) {
    const auto is_named = [&words](const CLI::App* verb) { return verb->get_name() == words.front(); };
    if (!words.empty() && !words.front().starts_with('-') && app.get_subcommands(is_named).empty()) {
        fmt::print(stderr, "alp: there is no verb '{}' (see alp --help)\n", words.front());
        return alp::cli::kExitMisuse;
    }
    command = alp::cli::split_off_command(app, words);
    std::reverse(words.begin(), words.end());  // as the parser wants them
    try {
        app.parse(words);
    } catch (const CLI::Success& done) {  // --help
        return app.exit(done);
    } catch (const CLI::ParseError& error) {
        return report_misuse(app, error);
    }
    return 0;
}

int run_alp(int argc, char** argv) {
    CLI::App app("Runs unmodified programs on an unmodified Linux network stack, in user space, without root.", "alp");
    app.require_subcommand(1);
    int exit_code = 0;
    std::vector<std::string> command;
    alp::cli::add_run(app, command, exit_code);
    alp::cli::add_enter(app, command, exit_code);
    alp::cli::add_ps(app, exit_code);
    alp::cli::add_doctor(app, exit_code);
    const int misuse = parse_and_do(app, std::vector<std::string>(argv + 1, argv + argc), command);
    return misuse != 0 ? misuse : exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run_alp(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "alp: %s\n", error.what());
        return alp::cli::kExitCannotStart;
    }
}
