// SPDX-License-Identifier: GPL-2.0
// execve: Alpine goes with the program that is started, or says why it cannot.
//
// LD_PRELOAD brings the library into whatever the loader loads. Two kinds of programs it does not reach, and neither
// may end up on the host's network without a word:
//
//   set-user-ID programs and those with file capabilities (ping): the loader ignores LD_PRELOAD for them. They are
//   started through the loader by name, which gives them no rights of their own, and the stack asks for none;
//
//   statically linked programs have no loader. They are told on standard error, and have no network: socket(2) answers
//   ENETDOWN for the families that are the stack's. A seccomp filter sees to that, which what they start inherits.
//
// A program started with an environment without libalpine.so is the host's by its starter's wish, unless it inherits
// descriptors of the stack (inheritance.h).
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "base/executable.h"
#include "calls/entry.h"
#include "calls/guard.h"
#include "calls/inheritance.h"
#include "calls/process.h"
#include "calls/system_calls.h"
#include "calls/wait.h"
#include "stack/host/stack.h"

namespace alp::calls {

namespace {

constexpr int kMaxVariables = 65536;
constexpr int kMaxInterpreters = 4; /* fs/exec.c: scripts that name scripts */

// Little stack is used here: posix_spawn() has 32 KiB of it for the child that comes this way.

/// Does this environment preload Alpine?
bool preloads_alpine(char* const* environment) {
    static constexpr char kName[] = "LD_PRELOAD=";
    constexpr std::size_t kNameLen = sizeof(kName) - 1;
    for (int i = 0; i < kMaxVariables; ++i) {
        const char* entry = nullptr;
        char name[kNameLen] = "";
        if (!guarded_copy(&entry, environment + i, sizeof(entry)) || entry == nullptr) {
            return false;
        }
        static_cast<void>(guarded_string(name, entry, sizeof(name)));
        if (memcmp(name, kName, kNameLen) == 0) {
            char value[1024];
            static_cast<void>(guarded_string(value, entry + kNameLen, sizeof(value)));
            value[sizeof(value) - 1] = '\0';
            return strstr(value, "libalpine") != nullptr;
        }
    }
    return false;
}

void say_static(const char* path) {
    char line[400];
    const int len =
        snprintf(line, sizeof(line),
                 "alpine: %.256s is statically linked and cannot run on the stack: it has no network\n", path);
    raw_syscall(SYS_write, 2, arg(line), len);
}

/// From here on socket() of this thread, and of what it starts, has no families that are the stack's.
void take_network_away() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 6),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_PACKET, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENETDOWN),
    };
    const sock_fprog filter{sizeof(program) / sizeof(program[0]), program};
    raw_syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    raw_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, arg(&filter));
}

/// The call itself.
long exec_now(long number, long a, long b, long c, long d = 0, long e = 0) {
    const WithoutReturn without_return;
    const bool shares = vfork_seat() == nullptr && !is_foreign_process();
    if (shares) {
        stack::begin_exec();
        if (thread_state.deferred != 0) {
            deliver_deferred();  // what is blocked now would stay so in the new program
        }
    }
    const long error = raw_syscall(number, a, b, c, d, e);
    if (shares) {
        stack::end_failed_exec();
    }
    return error;
}

/// Starts a program through its loader: LOADER --argv0 NAME PATH ARGUMENT...
long start_by_loader(const char* loader, const char* path, char* const* arguments, const Departure& departure) {
    constexpr std::size_t kAdded = 3;
    std::size_t count = 0;
    for (const char* word = path; word != nullptr; ++count) {
        if (!guarded_copy(&word, arguments + count, sizeof(word))) {
            return -EFAULT;
        }
    }
    Scratch<const char*, 128> words(count + kAdded + 1);
    if (words.get() == nullptr) {
        return -ENOMEM;
    }
    words[0] = loader;
    words[1] = "--argv0";
    words[2] = count > 1 ? arguments[0] : path;
    words[3] = path;
    for (std::size_t i = 1; i < count; ++i) {
        words[i + kAdded] = arguments[i];  // the final null too
    }
    if (count <= 1) {
        words[kAdded + 1] = nullptr;
    }
    return exec_now(SYS_execve, arg(loader), arg(words.get()), arg(departure.environment()));
}

/// Is this one that libalpine.so cannot be preloaded into? Then it is told, and gets no network.
bool keep_off_network(const Program& program, const char* path) {
    if (program.kind != ProgramKind::still && program.kind != ProgramKind::foreign) {
        return false;
    }
    say_static(path);
    take_network_away();
    return true;
}

/// Length of a program's string without its end, or more than `most`.
std::size_t length_of(const char* text, std::size_t most) {
    char piece[256];
    std::size_t len = 0;
    while (len <= most) {
        const long part = guarded_string(piece, text + len, sizeof(piece));
        if (part != -ENAMETOOLONG) {
            return len + static_cast<std::size_t>(part < 0 ? 0 : part);
        }
        len += sizeof(piece);
    }
    return len;
}

/// Would the kernel find these too long (E2BIG)? fs/exec.c: each string has its limit, and all of them, with their
/// pointers, a quarter of the stack's limit, at most 6 MiB and at least 128 KiB. Better said too early than too late:
/// what is close-on-exec is closed in the stack before the kernel says so.
bool is_too_big(char* const* arguments, char* const* environment) {
    constexpr std::size_t kMostOfOne = 32UL * 4096;
    constexpr std::size_t kSpared = 4096; /* for what Alpine adds to the environment */
    rlimit stack{};
    raw_syscall(SYS_prlimit64, 0, RLIMIT_STACK, 0, arg(&stack));
    const std::size_t most = std::max<std::size_t>(std::min<std::size_t>(stack.rlim_cur / 4, 6UL << 20), 128UL << 10);
    std::size_t all = kSpared;
    for (char* const* strings : {arguments, environment}) {
        const char* text = nullptr;
        for (int i = 0; strings != nullptr && guarded_copy(&text, strings + i, sizeof(text)) && text != nullptr; ++i) {
            const std::size_t len = length_of(text, kMostOfOne);
            all += len + 1 + sizeof(char*);
            if (len >= kMostOfOne || all > most) {
                return true;
            }
        }
    }
    return false;
}

/// What runs in the end when this file is executed: itself, or the interpreter of a script. Fills in its path.
Program examine_to_the_end(char (&target)[1024], bool* is_script) {
    Program program = examine_program(target);
    *is_script = program.kind == ProgramKind::script;
    for (int i = 0; i < kMaxInterpreters && program.kind == ProgramKind::script; ++i) {
        strncpy(target, program.interpreter, sizeof(target) - 1);
        program = examine_program(target);
    }
    return program;
}

long exec_with_alpine(const char* path, char* const* arguments, char* const* environment) {
    char target[1024];
    if (guarded_string(target, path, sizeof(target)) < 0 || raw_syscall(SYS_access, arg(target), X_OK) != 0) {
        return exec_now(SYS_execve, arg(path), arg(arguments), arg(environment));
    }
    bool is_script = false;
    const Program program = examine_to_the_end(target, &is_script);
    if (program.kind == ProgramKind::unknown || is_too_big(arguments, environment)) {
        return exec_now(SYS_execve, arg(path), arg(arguments), arg(environment));
    }
    const bool preloaded = preloads_alpine(environment);
    Departure departure(environment, program.kind == ProgramKind::dynamic);
    long error = 0;
    if (preloaded && !keep_off_network(program, target) && program.kind == ProgramKind::dynamic &&
        program.gains_rights && !is_script) {
        error = start_by_loader(program.interpreter, path, arguments, departure);
    } else {
        error = exec_now(SYS_execve, arg(path), arg(arguments), arg(departure.environment()));
    }
    departure.undo();
    return error;
}

}  // namespace

long sys_execve(const char* path, char* const* arguments, char* const* environment) {
    return exec_with_alpine(path, arguments, environment);
}

long sys_execveat(int folder, const char* path, char* const* arguments, char* const* environment, int flags) {
    char start[2] = "";
    static_cast<void>(guarded_string(start, path, sizeof(start)));
    if ((folder == AT_FDCWD || start[0] == '/') && flags == 0) {
        return exec_with_alpine(path, arguments, environment);
    }
    char target[1024];
    bool is_script = false;
    snprintf(target, sizeof(target), start[0] == '\0' ? "/proc/self/fd/%d" : "/proc/self/fd/%d/", folder);
    const std::size_t len = strlen(target);
    static_cast<void>(guarded_string(target + len, path, sizeof(target) - len));
    const Program program = examine_to_the_end(target, &is_script);
    if (program.kind == ProgramKind::unknown) {
        return exec_now(SYS_execveat, folder, arg(path), arg(arguments), arg(environment), flags);
    }
    if (preloads_alpine(environment)) {
        keep_off_network(program, target);
    }
    Departure departure(environment, program.kind == ProgramKind::dynamic);
    const long error = exec_now(SYS_execveat, folder, arg(path), arg(arguments), arg(departure.environment()), flags);
    departure.undo();
    return error;
}

}  // namespace alp::calls
