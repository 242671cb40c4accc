// SPDX-License-Identifier: GPL-2.0
#include "wire/follower.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include <new>
#include <utility>

#include "base/raw_syscall.h"
#include "stack/host/private_fd.h"
#include "stack/host/stack.h"
#include "wire/mirror.h"

namespace alp::wire {

namespace {

constexpr std::size_t kStackBytes = 256 * 1024;
constexpr timespec kPause = {0, 50'000'000}; /* after a failure, before the next look: 50 ms */

alignas(Mirror) char mirror_storage[sizeof(Mirror)];  // never destroyed: the thread runs until the process is gone

void* follow_for_ever(void* argument) {
    auto& mirror = *static_cast<Mirror*>(argument);
    stack::leave_descriptor_table(mirror.change_fd());
    for (;;) {
        pollfd changes{mirror.change_fd(), POLLIN, 0};
        raw_syscall(SYS_poll, arg(&changes), 1, -1);
        // What failed (no memory in the stack, tables that keep changing) may succeed later; till then the stack has
        // what it had.
        while (!mirror.follow()) {
            raw_syscall(SYS_nanosleep, arg(&kPause), 0);
        }
    }
}

int start_thread(Mirror* mirror) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    const int error = pthread_create(&thread, &attributes, follow_for_ever, mirror);
    if (error == 0) {
        pthread_setname_np(thread, "alpine-mirror");
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    return error;
}

}  // namespace

Result<void> follow_host() {
    Result<Mirror> started = Mirror::start();
    if (!started) {
        return started.error();
    }
    auto* mirror = new (mirror_storage) Mirror(std::move(started).value());
    stack::note_private_fd(mirror->change_fd());
    if (const int error = start_thread(mirror); error != 0) {
        return Error{error, "cannot start the thread that mirrors the host's network"};
    }
    return {};
}

}  // namespace alp::wire
