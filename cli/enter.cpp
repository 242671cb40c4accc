// SPDX-License-Identifier: GPL-2.0
// alp enter: becomes a program that runs on the stack of a process that is there already, as one more process of it.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "cli/environment.h"
#include "cli/launch.h"
#include "cli/verbs.h"
#include "stack/host/visit.h"

namespace alp::cli {

namespace {

struct EnterOptions {
    int process = 0;
    std::vector<std::string> command;
};

/// Makes the descriptors the program's, and names them. They lie above what programs count on.
std::string pass_on(stack::Visit& visit) {
    constexpr int kFirst = 900;
    std::string numbers;
    for (UniqueFd& descriptor : visit) {
        const int passed = descriptor.valid() ? ::fcntl(descriptor.get(), F_DUPFD, kFirst) : -1;
        numbers += fmt::format("{}{}", numbers.empty() ? "" : ",", passed);
    }
    return numbers;
}

int enter(const EnterOptions& options) {
    auto install = find_install();
    if (!install) {
        return cannot_start(install.error().message());
    }
    if (auto library = check_preload_library(install.value()); !library) {
        return cannot_start(library.error().message());
    }
    auto visit = stack::visit_process(options.process);
    if (!visit) {
        return cannot_start(fmt::format("cannot enter process {}: {}", options.process, visit.error().context));
    }
    const auto variables = run_environment(install.value(), {});
    if (!variables) {
        return cannot_start(variables.error().context);
    }
    ::setenv("LD_PRELOAD", variables.value().at("LD_PRELOAD").c_str(), 1);
    ::setenv("ALPINE_ENTER", pass_on(visit.value()).c_str(), 1);
    return launch(options.command);
}

}  // namespace

void add_enter(CLI::App& app, const std::vector<std::string>& command, int& exit_code) {
    auto options = std::make_shared<EnterOptions>();
    CLI::App* verb = app.add_subcommand("enter", "Run a program on the stack of a process that runs already");
    verb->add_option("PID", options->process, "The process, one of those that alp ps shows or a child of theirs")
        ->required()
        ->check(CLI::PositiveNumber);
    verb->footer("The program and its arguments follow: alp enter PID [--] PROGRAM [ARGUMENT]...");
    verb->callback([options, &command, &exit_code] {
        options->command = command;
        if (command.empty()) {
            throw CLI::RequiredError("enter: a program to run");
        }
        exit_code = enter(*options);
    });
}

}  // namespace alp::cli
