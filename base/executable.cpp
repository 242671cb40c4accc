// SPDX-License-Identifier: GPL-2.0
#include "base/executable.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstddef>

#include "base/raw_syscall.h"

namespace alp {

namespace {

constexpr char kLoader[] = "/ld-linux-x86-64.so.2";

bool read_at(int file, long offset, void* into, long len) {
    return raw_syscall(SYS_pread64, file, arg(into), len, offset) == len;
}

bool ends_with(const char* text, const char* end) {
    const std::size_t len = strlen(text);
    const std::size_t end_len = strlen(end);
    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

void read_interpreter(int file, const Elf64_Ehdr& header, Program& program) {
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment{};
        if (!read_at(file, static_cast<long>(header.e_phoff + static_cast<unsigned long>(i) * header.e_phentsize),
                     &segment, sizeof(segment))) {
            return;
        }
        if (segment.p_type == PT_INTERP && segment.p_filesz < sizeof(program.interpreter)) {
            read_at(file, static_cast<long>(segment.p_offset), program.interpreter,
                    static_cast<long>(segment.p_filesz));
            return;
        }
    }
}

ProgramKind examine_elf(int file, Program& program) {
    Elf64_Ehdr header{};
    if (!read_at(file, 0, &header, sizeof(header)) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_machine != EM_X86_64) {
        return ProgramKind::foreign;
    }
    read_interpreter(file, header, program);
    if (program.interpreter[0] == '\0') {
        return ProgramKind::still;
    }
    return ends_with(program.interpreter, kLoader) ? ProgramKind::dynamic : ProgramKind::foreign;
}

/// The word after #!.
void read_script(int file, Program& program) {
    char line[sizeof(program.interpreter)] = "";
    raw_syscall(SYS_pread64, file, arg(line), sizeof(line) - 1, 2);
    const char* word = line + strspn(line, " \t");
    const std::size_t len = strcspn(word, " \t\n");
    memcpy(program.interpreter, word, len);
    program.interpreter[len] = '\0';
}

bool gains_rights(const char* path, int file) {
    struct stat status {};
    if (raw_syscall(SYS_fstat, file, arg(&status)) < 0) {
        return false;
    }
    const auto user = static_cast<uid_t>(raw_syscall(SYS_geteuid));
    const auto group = static_cast<gid_t>(raw_syscall(SYS_getegid));
    const bool setuid = (status.st_mode & S_ISUID) != 0 && status.st_uid != user;
    const bool setgid = (status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != group;
    return setuid || setgid ||
           (user != 0 && raw_syscall(SYS_getxattr, arg(path), arg("security.capability"), 0, 0) > 0);
}

}  // namespace

Program examine_program(const char* path) {
    Program program{};
    program.kind = ProgramKind::unknown;
    // A program may be executable and yet unreadable; O_PATH then still shows its rights.
    int file = static_cast<int>(raw_syscall(SYS_openat, AT_FDCWD, arg(path), O_RDONLY | O_CLOEXEC));
    if (file < 0) {
        file = static_cast<int>(raw_syscall(SYS_openat, AT_FDCWD, arg(path), O_PATH | O_CLOEXEC));
    }
    if (file < 0) {
        return program;
    }
    program.gains_rights = gains_rights(path, file);
    char magic[SELFMAG] = "";
    if (raw_syscall(SYS_pread64, file, arg(magic), SELFMAG, 0) < 2) {
        program.kind = ProgramKind::unknown;
    } else if (memcmp(magic, ELFMAG, SELFMAG) == 0) {
        program.kind = examine_elf(file, program);
    } else if (magic[0] == '#' && magic[1] == '!') {
        program.kind = ProgramKind::script;
        read_script(file, program);
    }
    raw_syscall(SYS_close, file);
    return program;
}

}  // namespace alp
