// SPDX-License-Identifier: GPL-2.0
// SIGKILL among the processes of a family: kill(2) and its like.
//
// Theory of operation
// -------------------
// A process that is killed inside the stack takes the stack with it (cpu.h). Who is killed by one of the family need
// not be inside: the killer takes the token first, and keeps it until those whom it has killed are gone. A signal from
// elsewhere (another family, the host's out-of-memory killer) finds its victim wherever that is.
#include <poll.h>
#include <sys/syscall.h>

#include "base/raw_syscall.h"
#include "base/unique_fd.h"
#include "stack/host/cpu.h"

namespace alp::stack {

namespace {

constexpr int kGoneWithinMs = 200;  // else it is held up by a debugger, say; then it runs no code any more either

/// As kill(2) takes it: one process, the caller's process group (0), everybody (-1), a process group (negative).
bool is_meant(pid_t whom, std::uint32_t process) {
    if (process == 0 || whom > 0) {
        return process != 0 && static_cast<std::uint32_t>(whom) == process;
    }
    const long group = whom == 0 ? raw_syscall(SYS_getpgid, 0) : -static_cast<long>(whom);
    return whom == -1 || raw_syscall(SYS_getpgid, static_cast<long>(process)) == group;
}

void wait_until_gone(std::uint32_t process) {
    const UniqueFd pidfd(static_cast<int>(raw_syscall(SYS_pidfd_open, static_cast<long>(process), 0)));
    if (pidfd.valid()) {
        pollfd entry{pidfd.get(), POLLIN, 0};
        raw_syscall(SYS_poll, arg(&entry), 1, kGoneWithinMs);
    }
}

}  // namespace

long Cpu::kill(Thread& thread, pid_t whom, const HostCall& call) {
    std::uint32_t meant = 0;
    for (std::uint32_t i = 0; i < family_->end; ++i) {
        meant += is_meant(whom, family_->members[i].process) ? 1 : 0;
    }
    const Armed armed(thread, &cpu_->token);
    const bool locked = meant != 0 && lock(thread);
    const long result = raw_syscall(call.number, call.a, call.b, call.c, call.d);
    if (locked) {
        for (std::uint32_t i = 0; result == 0 && i < family_->end; ++i) {
            // (Not this process: then it would not be here any more.)
            if (const std::uint32_t process = family_->members[i].process;
                is_meant(whom, process) && process != seat_.member->process) {
                wait_until_gone(process);
            }
        }
        release(thread);
    }
    return result;
}

}  // namespace alp::stack
