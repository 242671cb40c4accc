// SPDX-License-Identifier: GPL-2.0
// Threads of Alpine's own with a descriptor table of their own.
//
// While two threads share a descriptor table, every call of the program on a descriptor costs the host's kernel an
// atomic reference count: a program of one thread would pay for each of ours on each read(). And what such a thread
// held open would stay open when the program closes it. So they leave the process's table. What they need of it now and
// then (standard error, an event descriptor to write to) they borrow. A host kernel that cannot do it (before 5.9, or
// forbidden) leaves the table shared, and all works as well.
#pragma once

#include <initializer_list>

#include "base/unique_fd.h"

namespace alp::stack {

/// Gives the calling thread a table that holds nothing but `kept` (negative ones stand for none), under
/// their old numbers.
void leave_descriptor_table(std::initializer_list<int> kept);

/// A copy of descriptor `fd` of the process, for a thread that has left its table. Not valid: there is no such
/// descriptor, or the process's first thread has ended.
UniqueFd borrow_descriptor(int fd);

/// write(2) to descriptor `fd` of the process, which is borrowed if this thread does not have it.
void write_to(int fd, const void* data, unsigned long len_bytes);

/// The same of at most PIPE_BUF bytes, but never for longer than `limit_ms`: what nobody reads by then is not written.
void write_within(int limit_ms, int fd, const void* data, unsigned long len_bytes);

}  // namespace alp::stack
