// SPDX-License-Identifier: GPL-2.0
// The end of the process: what the program has sent gets out, and its peers see a FIN.
//
// A kernel lives on when a process ends and finishes its connections; this one goes with the last of its processes. So
// before that one ends in an orderly way, its sockets are closed and the stack runs on until no connection without a
// descriptor has anything outstanding, for a limited time. Other threads may be blocked on those sockets: shutdown()
// wakes them, and the boundary keeps them from returning to the program (hold_while_exiting).
//
// A process that leaves others behind just leaves: the stack closes what it had, at once.
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include <atomic>

#include "abi/stack_calls.h"
#include "calls/claims.h"
#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/process.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"
#include "stack/host/own_thread.h"

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

/// Is there anything that the end of the stack would cut short? Also what another process is about to close.
bool is_busy() { return stack::has_others() || stack::call(ALPINE_NR_orphans) > 0; }

/// Lets the stack run until its connections are done with. Time that passes in steps of 1 ms is all it needs.
void drain() {
    if (drained.exchange(true)) {
        return;
    }
    thread_state.exempt_from_exit = true;
    exiting = true;
    const int least_ms = close_everything() ? kUncountedMs : 0;
    for (int ms = 0; ms < least_ms || (ms < kDrainLimitMs && is_busy()); ++ms) {
        stack::call(SYS_poll, 0, 0, 1);
    }
}

/// Sockets of datagrams are closed first: their ports go back now, if nobody else has them, and not when one of the
/// others looks. (Streams may have something to say yet, and their close(2) may wait for that.)
void drop_claims() {
    for_each_descriptor(0, kTableSize - 1, [](int fd, Kind) {
        if (const OpenFile* file = file_of(fd); file->claim != nullptr && file->type == SOCK_DGRAM) {
            stack::call(SYS_close, fd);
        }
        if (OpenFile* last = remove(fd); last != nullptr) {
            drop_claim(*last);
        }
    });
}

}  // namespace

void end_part_in_stack() {
    if (const stack::Fork* seat = vfork_seat(); seat != nullptr) {
        stack::end_vfork_child(*seat);
        return;
    }
    if (!stack::running() || stack::inside() || is_foreign_process()) {
        return;
    }
    if (stack::ended()) {
        return;
    }
    thread_state.exempt_from_exit = true;
    exiting = true;
    stack::Leaving leaving = stack::begin_leave();
    if (leaving == stack::Leaving::sole_owner) {
        settle_child();
        leaving = stack::begin_leave();
    }
    if (leaving == stack::Leaving::last) {
        drain();
    } else if (leaving == stack::Leaving::used) {
        drop_claims();
        stack::leave();
    }
}

/// Every way to end in order comes here, last of all: exit(), whose last act is to write out what stdio still holds
/// (and that may go to a socket), the return from main(), quick_exit() and _exit().
long sys_exit_group(int status) {
    end_part_in_stack();
    print_explanation();
    thread_state.side_stack_used = false;  // of a vfork child's parent, see WithoutReturn
    for (;;) {
        raw_syscall(SYS_exit_group, status);
    }
}

/// The end of a thread. As the last of the program's it ends the process, which Alpine's own threads must not keep
/// alive: as libc would have, or, in a child that clone() started on a function, without another word.
long sys_exit(int status) {
    if (is_vfork_child() || (stack::is_last_program_thread() && thread_state.cloned)) {
        return sys_exit_group(status);
    }
    if (stack::is_last_program_thread()) {
        exit(0);
    }
    // The side stack, on which this runs, goes too.
    void* const side = thread_state.side_stack;
    if (side == nullptr) {
        raw_syscall(SYS_exit, status);
    }
    asm volatile("mov $11, %%eax\n\t" ALPINE_OWN_SYSCALL
                 "\n\tmov $60, %%eax\n\tmov %[status], %%edi\n\t" ALPINE_OWN_SYSCALL
                 :
                 : "D"(static_cast<char*>(side) - ALPINE_SIDE_STACK_BYTES),
                   "S"(static_cast<long>(ALPINE_SIDE_STACK_BYTES)), [status] "b"(status)
                 : "rax", "rcx", "r11", "memory");
    __builtin_unreachable();
}

}  // namespace alp::calls
