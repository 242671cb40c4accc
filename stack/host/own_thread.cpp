// SPDX-License-Identifier: GPL-2.0
#include "stack/host/own_thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>

#include "base/forked.h"
#include "base/raw_syscall.h"

namespace alp::stack {

namespace {

ALPINE_FORKED std::atomic<unsigned> own_threads{0};

/// How many threads the process has: each is a folder of this one, whose link count tells (2 for a folder without any).
unsigned count_threads() {
    static constexpr char kTasks[] = "/proc/self/task";
    struct stat status {};
    return raw_syscall(SYS_stat, arg(kTasks), arg(&status)) == 0 ? static_cast<unsigned>(status.st_nlink) - 2 : 0;
}

}  // namespace

int start_own_thread(std::size_t stack_bytes, void* (*run)(void*), void* argument) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (stack_bytes != 0) {
        pthread_attr_setstacksize(&attributes, stack_bytes);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    const int error = pthread_create(&thread, &attributes, run, argument);
    if (error == 0) {
        own_threads.fetch_add(1);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    return error;
}

void name_own_thread(const char* name) { raw_syscall(SYS_prctl, PR_SET_NAME, arg(name)); }

void rest_for_ever() {
    for (;;) {
        raw_syscall(SYS_pause);
    }
}

bool is_last_program_thread() {
    const unsigned own = own_threads.load();
    return own != 0 && count_threads() == own + 1;
}

void forget_own_threads() { own_threads = 0; }

}  // namespace alp::stack
