// SPDX-License-Identifier: GPL-2.0
// Processes: fork, vfork and their like, and what a process must know about the stack that it shares with others.
#pragma once

#include <sys/types.h>

#include "stack/host/stack.h"

namespace alp::calls {

/// True in a process that shares this memory without being the one it describes: the child of a vfork() before
/// its exec. It has descriptors and signal actions of its own, so nothing here may be changed on its behalf.
[[nodiscard]] bool is_foreign_process();

/// In the child of a vfork() that has its own descriptors in the stack (process.cpp): the calls that change them. They
/// do the same on the host and in the stack, and leave the parent's table alone.
[[nodiscard]] bool is_vfork_child();
long vfork_child_close(int fd);
long vfork_child_close_range(unsigned first, unsigned last, int flags);
long vfork_child_dup_onto(int from, int to, int flags);
long vfork_child_dup(int fd, int command, int lowest);

/// May another process have the same open files, and change them?
[[nodiscard]] bool shares_descriptions();
void note_shared_descriptions();

/// True in a child whose parent had started the stack, and which does not share it: it was made in a way that Alpine
/// does not see.
[[nodiscard]] bool lost_stack();

/// In such a child, says so on standard error, once. Elsewhere does nothing.
void explain_lost_stack();

/// Calls for new processes by number: 56 (clone), 57 (fork), 58 (vfork), 435 (clone3)?
[[nodiscard]] constexpr bool is_clone(long number) {
    return number == 56 || number == 57 || number == 58 || number == 435;
}

/// What clone_call() answers for a call that has to be made in place, where its registers are (stubs.cpp): the child
/// has another stack, or this one while the parent waits. No kernel answers this.
inline constexpr long kMakeInPlace = -1000;

/// Such a call, its arguments as in the registers: makes it, or prepares it.
long clone_call(long number, long a, long b, long c, long d, long e);

/// After a call in place. In the parent: its answer, which is returned. In a child with memory of its own: 0.
long after_clone_in_place(long answer);

/// Before the process becomes another program or ends: what a process does that nobody of its family needs any more.
/// exit.cpp; returns when the stack is done with this process.
void end_part_in_stack();

/// The seat of a vfork child in the family; null in any other process.
[[nodiscard]] const stack::Fork* vfork_seat();

/// Which process a pidfd is of, by /proc/self/fdinfo; 0: it cannot be told.
[[nodiscard]] pid_t process_of(int pidfd);

/// Before a forked child first uses the stack, or changes what it has of it: its copies of the parent's sockets are
/// counted. Cheap when that is done. Any thread.
void settle_child();

/// For stack_call.cpp: a keeper, if this is a forked child that has none yet.
void ensure_keeper();

/// In a forked child: locks that other threads of the parent may have held.
void reset_signals_after_fork();
void reset_epoll_after_fork();

/// Before a fork: every epoll instance has a half in the stack, which then is parent's and child's (epoll.cpp).
void give_epolls_their_halves();

}  // namespace alp::calls
