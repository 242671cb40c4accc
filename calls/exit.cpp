// SPDX-License-Identifier: GPL-2.0
// The end of the process: what the program has sent gets out, and its peers see a FIN.
//
// A kernel lives on when a process ends and finishes its connections; this one goes with it. So before the process
// ends in an orderly way, its sockets are closed and the stack runs on until no connection without a descriptor
// has anything outstanding, for a limited time. Other threads may be blocked on those sockets: shutdown() wakes
// them, and the boundary keeps them from returning to the program (hold_while_exiting).
#include <netinet/in.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include <atomic>

#include "abi/stack_calls.h"
#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/fork.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

constexpr int kDrainLimitMs = 2000;
constexpr int kUncountedMs = 100; /* for the closing handshakes of SCTP and DCCP */

std::atomic<bool> drained{false};

/// Closes all sockets of the stack. True if among them are some whose closing handshake the stack does not count.
bool close_everything() {
    bool uncounted = false;
    const bool others = !__libc_single_threaded;
    for_each_descriptor(0, kTableSize - 1, [&](int fd, Kind kind) {
        if (kind != Kind::socket) {
            return;
        }
        const OpenFile* file = file_of(fd);
        uncounted = uncounted || (file->ports && file->protocol != IPPROTO_TCP && file->protocol != IPPROTO_UDP);
        if (others) {
            stack::call(SYS_shutdown, fd, SHUT_RDWR);
        }
        stack::call(SYS_close, fd);
    });
    return uncounted;
}

/// Lets the stack run until its connections are done with. Time that passes in steps of 1 ms is all it needs.
void drain() {
    if (!stack::running() || stack::inside() || is_foreign_process() || drained.exchange(true)) {
        return;
    }
    thread_state.exempt_from_exit = true;
    exiting = true;
    const int least_ms = close_everything() ? kUncountedMs : 0;
    for (int ms = 0; ms < least_ms || (ms < kDrainLimitMs && stack::call(ALPINE_NR_orphans) > 0); ++ms) {
        stack::call(SYS_poll, 0, 0, 1);
    }
}

}  // namespace

/// Every way to end in order comes here, last of all: exit(), whose last act is to write out what stdio still holds
/// (and that may go to a socket), the return from main(), quick_exit() and _exit().
long sys_exit_group(int status) {
    drain();
    print_explanation();
    thread_state.side_stack_used = false;  // of a vfork child's parent, see WithoutReturn
    for (;;) {
        raw_syscall(SYS_exit_group, status);
    }
}

}  // namespace alp::calls
