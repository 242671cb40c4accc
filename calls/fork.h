// SPDX-License-Identifier: GPL-2.0
// Which process is this? What a child must know about the stack its parent carries.
#pragma once

namespace alp::calls {

/// True in a process that shares this memory without being the one it describes: the child of a vfork() before
/// its exec. It has descriptors and signal actions of its own, so nothing here may be changed on its behalf.
[[nodiscard]] bool is_foreign_process();

/// True in a child whose parent had started the stack: the stack stayed with the parent.
[[nodiscard]] bool lost_stack();

/// In such a child, says so on standard error, once. Elsewhere does nothing.
void explain_lost_stack();

/// In a forked child: locks that other threads of the parent may have held.
void reset_signals_after_fork();
void reset_epoll_after_fork();

}  // namespace alp::calls
