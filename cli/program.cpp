// SPDX-License-Identifier: GPL-2.0
#include "cli/program.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>

#include "base/executable.h"

namespace alp::cli {

namespace {

constexpr const char* kDefaultPath = "/bin:/usr/bin";  // what execvp() uses without a PATH
constexpr int kMaxInterpreters = 4;                    // the kernel's own limit of scripts naming scripts (fs/exec.c)

struct Candidate {
    bool exists;
    int code;  ///< 0: can be executed
};

Candidate examine(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        return {false, errno};
    }
    const bool executable = S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
    return {true, executable ? 0 : EACCES};
}

}  // namespace

Result<std::string> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) {
        const Candidate found = examine(name);
        return found.code == 0 ? Result<std::string>(name) : Error{found.code, name};
    }
    const char* path = std::getenv("PATH");
    std::istringstream dirs(path != nullptr ? path : kDefaultPath);
    bool denied = false;  // as a shell: a folder of PATH that cannot be searched holds nothing
    for (std::string dir; std::getline(dirs, dir, ':');) {
        std::string at = (dir.empty() ? std::string(".") : dir) + "/" + name;
        const Candidate found = examine(at);
        if (found.code == 0) {
            return at;
        }
        denied = denied || found.exists;
    }
    return Error{denied ? EACCES : ENOENT, name};
}

Result<std::string> check_preloadable(const std::string& path) {
    std::string at = path;
    for (int depth = 0; depth <= kMaxInterpreters; ++depth) {
        const Program program = examine_program(at.c_str());
        switch (program.kind) {
            case ProgramKind::dynamic:
                // A script's interpreter gains nothing by being named in a script, and is started by the kernel.
                return program.gains_rights && depth == 0 ? std::string(program.interpreter) : std::string();
            case ProgramKind::still:
                return Error{ENOEXEC,
                             fmt::format("{} is statically linked: libalpine.so cannot be preloaded into it", at)};
            case ProgramKind::foreign:
                return Error{ENOEXEC, program.interpreter[0] == '\0'
                                          ? fmt::format("{} is not an x86-64 program: libalpine.so cannot be "
                                                        "preloaded into it",
                                                        at)
                                          : fmt::format("{} asks for the loader {}: libalpine.so is for programs of "
                                                        "glibc",
                                                        at, program.interpreter)};
            case ProgramKind::script:
                at = program.interpreter;
                break;
            case ProgramKind::unknown:
                return std::string();  // exec answers ENOEXEC, and execvp() hands it to the shell
        }
    }
    return std::string();
}

}  // namespace alp::cli
