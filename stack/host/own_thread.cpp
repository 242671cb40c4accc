// SPDX-License-Identifier: GPL-2.0
#include "stack/host/own_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstddef>

#include "base/forked.h"
#include "base/kept_memory.h"
#include "base/raw_syscall.h"

namespace alp::stack {

void (*on_own_thread)() = nullptr;

namespace {

constexpr std::size_t kMaxStackBytes = 64UL << 20;

ALPINE_FORKED std::atomic<unsigned> own_threads{0};

/// How many threads the process has: each is a folder of this one, whose link count tells (2 for a folder without any).
unsigned count_threads() {
    static constexpr char kTasks[] = "/proc/self/task";
    struct stat status {};
    return raw_syscall(SYS_stat, arg(kTasks), arg(&status)) == 0 ? static_cast<unsigned>(status.st_nlink) - 2 : 0;
}

/// The memory of a thread's stack. These threads do not end; in a forked child, which has none of them, it is free for
/// its own. It lies among Alpine's other memory: an area of its own, and another for the page below it that nobody may
/// touch, would cost each fork several microseconds. (Older kernels than Linux 6.13 have no such pages within an area.)
struct Stack {
    char* memory = nullptr;
    std::size_t bytes = 0;
    std::atomic<bool> used{false};
};
constexpr std::size_t kMaxStacks = 8;
ALPINE_FORKED constinit Stack stacks[kMaxStacks];  // threads are started before constructors run

constexpr std::size_t kGuardBytes = 4096;
constexpr int kInstallGuard = 102;  // MADV_GUARD_INSTALL of Linux 6.13

/// One of at least that size, in use. Null: there is no memory.
Stack* take_stack(std::size_t bytes) {
    for (Stack& stack : stacks) {
        if (stack.used.exchange(true)) {
            continue;
        }
        if (stack.memory == nullptr) {
            if (auto* memory = static_cast<char*>(keep_memory(kGuardBytes + bytes)); memory != nullptr) {
                raw_syscall(SYS_madvise, arg(memory), kGuardBytes, kInstallGuard);
                stack.memory = memory + kGuardBytes;
                stack.bytes = bytes;
            }
        }
        if (stack.bytes >= bytes) {
            return &stack;
        }
        stack.used = false;
    }
    return nullptr;
}

/// What pthread_create() answers; EINVAL: the thread-local variables leave too little of the stack.
int start_on_stack(Stack& stack, void* (*run)(void*), void* argument) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int error = pthread_attr_setstack(&attributes, stack.memory, stack.bytes);
    pthread_t thread;
    if (error == 0) {
        error = pthread_create(&thread, &attributes, run, argument);
    }
    pthread_attr_destroy(&attributes);
    return error;
}

}  // namespace

int start_own_thread(std::size_t stack_bytes, void* (*run)(void*), void* argument) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = EINVAL;
    for (std::size_t bytes = stack_bytes; error == EINVAL && bytes <= kMaxStackBytes; bytes *= 4) {
        Stack* stack = take_stack(bytes);
        error = stack != nullptr ? start_on_stack(*stack, run, argument) : EAGAIN;
        if (error != 0 && stack != nullptr) {
            stack->used = false;
        }
    }
    if (error == 0) {
        own_threads.fetch_add(1);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return error;
}

void begin_own_thread(const char* name) {
    raw_syscall(SYS_prctl, PR_SET_NAME, arg(name));
    if (on_own_thread != nullptr) {
        on_own_thread();
    }
}

void rest_for_ever() {
    for (;;) {
        raw_syscall(SYS_pause);
    }
}

bool is_last_program_thread() {
    const unsigned own = own_threads.load();
    return own != 0 && count_threads() == own + 1;
}

void forget_own_threads() {
    own_threads = 0;
    for (Stack& stack : stacks) {
        stack.used = false;
    }
}

}  // namespace alp::stack
