// SPDX-License-Identifier: GPL-2.0
#include "cli/program.h"

#include <elf.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace alp::cli {

namespace {

constexpr std::string_view kLoader = "/ld-linux-x86-64.so.2";
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

/// Would the kernel give the program rights its caller lacks? Then the loader ignores LD_PRELOAD (AT_SECURE).
bool gains_rights(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        return false;
    }
    const bool setuid = (status.st_mode & S_ISUID) != 0 && status.st_uid != ::geteuid();
    const bool setgid = (status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != ::getegid();
    const bool capabilities = ::geteuid() != 0 && ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
    return setuid || setgid || capabilities;
}

template <typename T>
bool read_at(std::ifstream& file, std::uint64_t offset, T& into) {
    file.clear();
    file.seekg(static_cast<std::streamoff>(offset));
    return static_cast<bool>(file.read(reinterpret_cast<char*>(&into), sizeof into));
}

/// The ELF interpreter (the dynamic loader) that `header`'s program asks for; empty when it asks for none.
std::string elf_interpreter(std::ifstream& file, const Elf64_Ehdr& header) {
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment{};
        if (!read_at(file, header.e_phoff + std::uint64_t{i} * header.e_phentsize, segment)) {
            break;
        }
        if (segment.p_type == PT_INTERP) {
            std::array<char, 256> name{};
            file.clear();
            file.seekg(static_cast<std::streamoff>(segment.p_offset));
            file.read(name.data(), static_cast<std::streamsize>(std::min(segment.p_filesz, name.size() - 1)));
            return name.data();
        }
    }
    return {};
}

Result<void> check_elf(std::ifstream& file, const std::string& path) {
    Elf64_Ehdr header{};
    if (!read_at(file, 0, header) || header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64) {
        return Error{ENOEXEC,
                     fmt::format("{} is not an x86-64 program: libalpine.so cannot be preloaded into it", path)};
    }
    const std::string loader = elf_interpreter(file, header);
    if (loader.empty()) {
        return Error{ENOEXEC, fmt::format("{} is statically linked: libalpine.so cannot be preloaded into it", path)};
    }
    if (!loader.ends_with(kLoader)) {
        return Error{ENOEXEC,
                     fmt::format("{} asks for the loader {}: libalpine.so is for programs of glibc", path, loader)};
    }
    return {};
}

/// The program named on a script's first line, or empty.
std::string script_interpreter(std::ifstream& file) {
    std::string line;
    file.clear();
    file.seekg(2);
    std::getline(file, line);
    std::istringstream words(line);
    std::string interpreter;
    words >> interpreter;
    return interpreter;
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

Result<void> check_preloadable(const std::string& path) {
    std::string at = path;
    for (int depth = 0; depth <= kMaxInterpreters; ++depth) {
        if (gains_rights(at)) {
            return Error{ENOEXEC, fmt::format("{} runs with rights of its own (set-user-ID or file capabilities): the "
                                              "loader would not preload libalpine.so",
                                              at)};
        }
        std::ifstream file(at, std::ios::binary);
        std::array<char, 4> magic{};
        if (!file.read(magic.data(), magic.size())) {
            return {};
        }
        if (std::memcmp(magic.data(), ELFMAG, SELFMAG) == 0) {
            return check_elf(file, at);
        }
        if (magic[0] != '#' || magic[1] != '!') {
            return {};  // exec answers ENOEXEC, and execvp() hands it to the shell
        }
        at = script_interpreter(file);
    }
    return {};
}

}  // namespace alp::cli
