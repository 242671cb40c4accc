// SPDX-License-Identifier: GPL-2.0
// The dummy: the host's socket that keeps a stack socket's descriptor number, and its port, taken.
#pragma once

#include "calls/descriptors.h"

namespace alp::calls {

/// Does a socket of this kind belong to the stack? All others are the host's.
[[nodiscard]] bool belongs_to_stack(int family, int protocol);

/// Fills in what follows from the three numbers given to socket(2): who binds it, who signals. `type` without flags.
void describe(OpenFile& file, int family, int type, int protocol);

/// Makes the dummy for a socket so described: of the same family and type where the host has and allows that, and
/// else any socket. Sets file.host_bindable. Returns the descriptor or -errno (EMFILE, ENFILE, ENOMEM...).
long make_dummy(OpenFile& file, bool close_on_exec);

/// Keeps packets from the queue of a datagram dummy that is about to be bound: what is sent to a group or by broadcast,
/// and answers to echo requests, the host's kernel sees, too.
void silence_dummy(int fd, const OpenFile& file);

/// The same for any socket that only keeps an endpoint.
void silence_holder(int fd);

/// Puts a fresh, unbound dummy in the place of the one at `fd`, keeping its number and close-on-exec.
void replace_dummy(int fd, OpenFile& file);

/// Tells the dummy an option that decides what the host lets it bind; others are left alone.
void mirror_option(int fd, int level, int option, const void* value, unsigned len);

}  // namespace alp::calls
