// SPDX-License-Identifier: GPL-2.0
#include "stack/host/fault.h"

#include <errno.h>
#include <signal.h>
#include <ucontext.h>

#include <cstdint>

#include "stack/host/stack.h"

extern "C" int __sigaction(int signal_number, const struct sigaction* action, struct sigaction* old);

namespace alp::stack {

namespace {

const alpine_stack_image* stack_image;
struct sigaction previous[NSIG];

bool in_stack_code(std::uint64_t ip) {
    return ip >= ALPINE_IMAGE_BASE && ip < reinterpret_cast<std::uint64_t>(stack_image->cpu) + (1ULL << 31);
}

void pass_on(int number, siginfo_t* info, void* context) {
    const struct sigaction& before = previous[number];
    if ((before.sa_flags & SA_SIGINFO) != 0) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else {
        // Back to the default; the instruction faults again and the process ends as it would have.
        __sigaction(number, &before, nullptr);
    }
}

void on_fault(int number, siginfo_t* info, void* context) {
    if (!handle_fault(number, info, context)) {
        pass_on(number, info, context);
    }
}

}  // namespace

void prepare_faults(const alpine_stack_image& image) { stack_image = &image; }

bool handle_fault(int number, siginfo_t* info, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto ip = static_cast<std::uint64_t>(registers[REG_RIP]);
    if (stack_image == nullptr || info->si_code <= 0 || !in_stack_code(ip)) {
        return false;
    }
    if (const std::uint64_t fixup = stack_image->fixup(ip); fixup != 0) {
        registers[REG_RIP] = static_cast<greg_t>(fixup);
        return true;
    }
    stack_image->oops(ip, static_cast<std::uint64_t>(registers[REG_RSP]),
                      reinterpret_cast<std::uint64_t>(info->si_addr),
                      number == SIGBUS ? "bus error" : "invalid memory access");
    return true;
}

Result<void> install_fault_handler() {
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
    for (const int number : {SIGSEGV, SIGBUS, SIGILL}) {
        if (__sigaction(number, &action, &previous[number]) < 0) {
            return Error{errno, "cannot install the stack's fault handler"};
        }
    }
    return {};
}

}  // namespace alp::stack
