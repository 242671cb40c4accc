// SPDX-License-Identifier: GPL-2.0
// alp run: becomes the program, with libalpine.so preloaded and told what was asked for.
//
// All that can be known beforehand is checked here, so that the user reads one line from alp and not one from deep
// inside a program: the stack image, the library, the daemon, the program.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "cli/environment.h"
#include "cli/install.h"
#include "cli/launch.h"
#include "cli/verbs.h"
#include "proxy/client/client.h"
#include "proxy/client/names.h"

namespace alp::cli {

namespace {

Result<void> check_daemon(const RunOptions& options) {
    proxy::Client client;
    if (auto connected = client.connect(proxy::default_address()); !connected) {
        return connected;
    }
    auto status = client.status();  // also sees to it that both speak the same version of the protocol
    if (!status) {
        return status.error();
    }
    const alpine_wire wire = options.wire == "classic" ? ALPINE_WIRE_CLASSIC : ALPINE_WIRE_STEER;
    if (!options.wire.empty() && (status.value().wires & (1U << wire)) == 0) {
        return Error{EOPNOTSUPP, proxy::refuse_wire(wire)};
    }
    return {};
}

/// The first thing that keeps Alpine from starting.
Result<void> check_alpine(const Install& install, const RunOptions& options) {
    if (auto library = check_preload_library(install); !library) {
        return library;
    }
    if (auto image = check_stack_image(install, options.stack); !image) {
        return image;
    }
    return check_daemon(options);
}

int run(const RunOptions& options) {
    auto install = find_install();
    if (!install) {
        return cannot_start(install.error().message());
    }
    auto variables = run_environment(install.value(), options);
    if (!variables) {
        return cannot_start(variables.error().context);
    }
    if (auto alpine = check_alpine(install.value(), options); !alpine) {
        return cannot_start(alpine.error().message());
    }
    for (const auto& [name, value] : variables.value()) {
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    return launch(options.command);
}

/// Does this word, an option of `verb`, have its value in the next word?
bool takes_next_word(const CLI::App& verb, const std::string& word) {
    const CLI::Option* option = verb.get_option_no_throw(word);
    return option != nullptr && option->get_items_expected_max() > 0;
}

}  // namespace

std::vector<std::string> split_off_command(const CLI::App& app, std::vector<std::string>& words) {
    if (words.empty() || (words.front() != "run" && words.front() != "enter")) {
        return {};
    }
    const CLI::App& verb = *app.get_subcommand(words.front());
    std::size_t at = 1;
    while (at < words.size() && words[at] != "--" && words[at].starts_with('-')) {
        at += takes_next_word(verb, words[at]) ? 2 : 1;
    }
    if (words.front() == "enter" && at < words.size() && words[at] != "--") {
        ++at;  // the process
    }
    at = std::min(at, words.size());
    const auto split = words.begin() + static_cast<std::ptrdiff_t>(at);
    const bool marked = split != words.end() && *split == "--";
    std::vector<std::string> command(split + (marked ? 1 : 0), words.end());
    words.erase(split, words.end());
    return command;
}

void add_run(CLI::App& app, const std::vector<std::string>& command, int& exit_code) {
    auto options = std::make_shared<RunOptions>();
    CLI::App* verb = app.add_subcommand("run", "Run a program on a network stack of its own");
    verb->add_option("--stack", options->stack, "The stack: its name, or the path of an image")->capture_default_str();
    verb->add_option("--sysctl", options->sysctls,
                     "NAME=VALUE, set in the stack before the program starts (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("--memory", options->memory, "Memory of the stack, such as 512M or 2G")
        ->transform(CLI::AsSizeValue(false));
    verb->add_option(
            "--stack-per", options->stack_per,
            "process: a program has a stack of its own unless it inherits sockets; family: all programs that are "
            "started from here on share one")
        ->check(CLI::IsMember({"process", "family"}))
        ->capture_default_str();
    verb->add_option("--wire", options->wire, "How packets reach the network: steer (eBPF) or classic (libpcap)")
        ->check(CLI::IsMember({"steer", "classic"}));
    verb->add_option("--busy-poll", options->busy_poll_us,
                     "Microseconds for which a thread that waits watches the wire before it sleeps: lower latency for "
                     "a busy core (0: not at all)");
    verb->add_flag("--dmesg", options->dmesg, "Copy the stack's kernel log to standard error");
    verb->add_flag("--explain", options->explain,
                   "At the end of each process: which calls the stack handled, and which not and why");
    verb->footer("The program and its arguments follow: alp run [OPTION]... [--] PROGRAM [ARGUMENT]...");
    verb->callback([options, &command, &exit_code] {
        options->command = command;
        if (command.empty()) {
            throw CLI::RequiredError("run: a program to run");
        }
        exit_code = run(*options);
    });
}

}  // namespace alp::cli
