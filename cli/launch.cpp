// SPDX-License-Identifier: GPL-2.0
#include "cli/launch.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/program.h"
#include "cli/verbs.h"

namespace alp::cli {

namespace {

int cannot_exec(const std::string& name, int code) {
    const bool missing = code == ENOENT || code == ENOTDIR;
    fmt::print(stderr, "alp: {}: {}\n", name, missing ? "no such program" : std::strerror(code));
    return missing ? kExitNotFound : kExitCannotRun;
}

/// The words as exec takes them, with room for one more.
std::vector<char*> argv_of(const std::vector<std::string>& command) {
    std::vector<char*> argv;
    argv.reserve(command.size() + 2);
    for (const auto& word : command) {
        argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    return argv;
}

/// Has the loader start the program, as the kernel would but for the program's rights.
int exec_through(const std::string& loader, const std::string& path, const std::vector<std::string>& command) {
    std::vector<std::string> words{loader, "--argv0", command.front(), path};
    words.insert(words.end(), command.begin() + 1, command.end());
    ::execv(loader.c_str(), argv_of(words).data());
    return cannot_exec(command.front(), errno);
}

int exec_program(const std::string& path, const std::vector<std::string>& command) {
    std::vector<char*> argv = argv_of(command);
    ::execv(path.c_str(), argv.data());
    if (errno == ENOEXEC) {  // a script without a first line of #!: the shell's, as with execvp()
        argv[0] = const_cast<char*>(path.c_str());
        argv.insert(argv.begin(), const_cast<char*>("sh"));
        ::execv("/bin/sh", argv.data());
    }
    return cannot_exec(command.front(), errno);
}

}  // namespace

int cannot_start(const std::string& why) {
    fmt::print(stderr, "alp: {}\n", why);
    return kExitCannotStart;
}

int launch(const std::vector<std::string>& command) {
    auto program = find_program(command.front());
    if (!program) {
        return cannot_exec(command.front(), program.error().code);
    }
    auto loader = check_preloadable(program.value());
    if (!loader) {
        return cannot_start(loader.error().context);
    }
    return loader.value().empty() ? exec_program(program.value(), command)
                                  : exec_through(loader.value(), program.value(), command);
}

}  // namespace alp::cli
