// SPDX-License-Identifier: GPL-2.0
// What a program may limit about itself, and Alpine needs too: address space, and system calls.
//
// A program that limits its address space (vsftpd, browsers) means what it uses itself. The stack takes more than most
// such limits allow, in addresses, not in memory: so much is added to what the program sets, and taken off what it
// reads.
//
// A filter of system calls (seccomp(2): sshd's and browsers' sandboxes) knows the calls that the program makes, not
// those that the stack makes in its process. It is installed behind a few instructions that let pass what comes from
// libalpine.so's own code. To the program's own calls it applies as it is: those reach the host's kernel only by
// Alpine.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "base/raw_syscall.h"
#include "calls/guard.h"
#include "calls/process.h"
#include "calls/system_calls.h"

/// Begin and end of the code of libalpine.so, or of the program that libalpine.a was linked into; from the linker.
extern "C" const char __ehdr_start[] __attribute__((visibility("hidden")));
extern "C" const char etext[] __attribute__((visibility("hidden")));

namespace alp::calls {

namespace {

constexpr rlim_t kOwnBytes = 1536UL << 20; /* the arena (1 GiB), the image, Alpine's heap and stacks */

/// What Alpine starts with a process's first call in the stack, and could not start any more. (Threads that are there
/// keep what they may.)
void prepare_for_limits() {
    if (stack::running() && !is_foreign_process()) {
        ensure_keeper();
    }
}

rlim_t own_bytes() {
    const char* memory = getenv("ALPINE_MEMORY");
    return memory == nullptr ? kOwnBytes : ~rlim_t{0} >> 1;  // an arena of any size: no limit that could be met
}

rlim_t with_own(rlim_t limit) {
    const rlim_t own = own_bytes();
    return limit >= RLIM_INFINITY - own ? RLIM_INFINITY : limit + own;
}

rlim_t without_own(rlim_t limit) {
    const rlim_t own = own_bytes();
    return limit == RLIM_INFINITY || limit < own ? limit : limit - own;
}

}  // namespace

long sys_prlimit64(int process, int resource, const rlimit* wanted, rlimit* old) {
    if (wanted != nullptr) {
        prepare_for_limits();
    }
    if (resource != RLIMIT_AS || (process != 0 && process != raw_syscall(SYS_getpid))) {
        return raw_syscall(SYS_prlimit64, process, resource, arg(wanted), arg(old));
    }
    rlimit copy{};
    rlimit before{};
    if (wanted != nullptr && !guarded_copy(&copy, wanted, sizeof(copy))) {
        return -EFAULT;
    }
    if (wanted != nullptr && copy.rlim_cur > copy.rlim_max) {
        return -EINVAL;
    }
    copy = rlimit{with_own(copy.rlim_cur), with_own(copy.rlim_max)};
    const long error = raw_syscall(SYS_prlimit64, process, resource, wanted != nullptr ? arg(&copy) : 0, arg(&before));
    if (error < 0 || old == nullptr) {
        return error;
    }
    before = rlimit{without_own(before.rlim_cur), without_own(before.rlim_max)};
    return guarded_copy(old, &before, sizeof(before)) ? 0 : -EFAULT;
}

long sys_setrlimit(int resource, const rlimit* wanted) {
    prepare_for_limits();
    return resource == RLIMIT_AS ? sys_prlimit64(0, resource, wanted, nullptr)
                                 : raw_syscall(SYS_setrlimit, resource, arg(wanted));
}

long sys_getrlimit(int resource, rlimit* limit) {
    return resource == RLIMIT_AS ? sys_prlimit64(0, resource, nullptr, limit)
                                 : raw_syscall(SYS_getrlimit, resource, arg(limit));
}

namespace {

constexpr std::size_t kMaxInstructions = 4096; /* BPF_MAXINSNS */

/// The program's filter with Alpine's exception before it, for the length of a call.
class WidenedFilter {
public:
    explicit WidenedFilter(const void* filter) {
        sock_fprog given{};
        if (!guarded_copy(&given, filter, sizeof(given)) || given.len == 0 || given.len > kMaxInstructions) {
            return;
        }
        // Behind the exception: jumps in the program's filter are relative.
        const auto from = reinterpret_cast<std::uint64_t>(text_start());
        const auto to = reinterpret_cast<std::uint64_t>(etext);
        const sock_filter exception[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, instruction_pointer) + 4),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(from >> 32), 0, 4),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, instruction_pointer)),
            BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, static_cast<std::uint32_t>(from), 0, 2),
            BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, static_cast<std::uint32_t>(to), 1, 0),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        constexpr std::size_t kAdded = std::size(exception);
        if (from >> 32 != to >> 32 || given.len + kAdded > kMaxInstructions) {
            return;
        }
        bytes_ = (given.len + kAdded) * sizeof(sock_filter);
        const long memory = raw_syscall(SYS_mmap, 0, static_cast<long>(bytes_), PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory < 0) {
            bytes_ = 0;
            return;
        }
        auto* instructions = reinterpret_cast<sock_filter*>(memory);
        for (std::size_t i = 0; i < kAdded; ++i) {
            instructions[i] = exception[i];
        }
        widened_ = sock_fprog{static_cast<unsigned short>(given.len + kAdded), instructions};
        usable_ = guarded_copy(instructions + kAdded, given.filter, given.len * sizeof(sock_filter));
    }
    ~WidenedFilter() {
        if (bytes_ != 0) {
            raw_syscall(SYS_munmap, arg(widened_.filter), static_cast<long>(bytes_));
        }
    }
    WidenedFilter(const WidenedFilter&) = delete;
    WidenedFilter& operator=(const WidenedFilter&) = delete;

    /// What to give the kernel: `filter` itself if it could not be widened, as the kernel will say why.
    [[nodiscard]] long get(const void* filter) const { return usable_ ? arg(&widened_) : arg(filter); }

private:
    static const char* text_start() { return __ehdr_start; }

    sock_fprog widened_{};
    std::size_t bytes_ = 0;
    bool usable_ = false;
};

}  // namespace

long sys_seccomp(unsigned operation, unsigned flags, void* argument) {
    if (operation != SECCOMP_SET_MODE_FILTER) {
        return raw_syscall(SYS_seccomp, operation, flags, arg(argument));
    }
    prepare_for_limits();
    const WidenedFilter widened(argument);
    return raw_syscall(SYS_seccomp, operation, flags, widened.get(argument));
}

long sys_prctl(int option, long a, long b, long c, long d) {
    if (option != PR_SET_SECCOMP || a != SECCOMP_MODE_FILTER) {
        return raw_syscall(SYS_prctl, option, a, b, c, d);
    }
    prepare_for_limits();
    const WidenedFilter widened(reinterpret_cast<const void*>(b));
    return raw_syscall(SYS_prctl, option, a, widened.get(reinterpret_cast<const void*>(b)), c, d);
}

}  // namespace alp::calls
