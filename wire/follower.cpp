// SPDX-License-Identifier: GPL-2.0
#include "wire/follower.h"

#include <sys/syscall.h>
#include <time.h>

#include <new>
#include <utility>

#include "base/raw_syscall.h"
#include "stack/host/bell.h"
#include "stack/host/own_thread.h"
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
    stack::begin_own_thread("alpine-mirror");
    stack::leave_descriptor_table(mirror.change_fd());
    stack::Bell used;
    for (;;) {
        stack::wait_unless_used(used, mirror.change_fd(), Mirror::kWaitMs);
        // What failed (no memory in the stack, tables that keep changing) may succeed later; till then the stack has
        // what it had.
        while (!mirror.follow()) {
            raw_syscall(SYS_nanosleep, arg(&kPause), 0);
        }
    }
}

}  // namespace

Result<void> follow_host() {
    Result<Mirror> started = Mirror::start();
    if (!started) {
        return started.error();
    }
    auto* mirror = new (mirror_storage) Mirror(std::move(started).value());
    stack::note_private_fd(mirror->change_fd());
    if (const int error = stack::start_own_thread(kStackBytes, follow_for_ever, mirror); error != 0) {
        return Error{error, "cannot start the thread that mirrors the host's network"};
    }
    return {};
}

}  // namespace alp::wire
