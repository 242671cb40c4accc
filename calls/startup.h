// SPDX-License-Identifier: GPL-2.0
// Starting the stack at the first socket, and the connection to alpined that feeds it.
#pragma once

#include "abi/proxy.h"
#include "stack/host/stack.h"

namespace alp::calls {

/// Returns when the stack runs; the first call of the process starts it: environment, alpined, image, boot,
/// mirror of the host's addresses, sysctls. When that fails there is no stack to fall back to: one line on
/// standard error, and the process ends with 125. 0, or -ENETDOWN in a forked child whose parent has the stack.
long ensure_stack();

/// Before a fork: the stack that parent and child are to have in common. Where there can be none, since no alpined
/// answers or it refuses, that is said to whoever opens a socket: other programs fork all the same.
void prepare_stack_for_child();

/// Descriptors of the connection to alpined, for a program that goes on with it; -1: there are none.
struct DaemonDescriptors {
    int connection;
    int receive;
    int send;
    int far_end;  ///< of a classic wire, which a new alpined is to have
};
[[nodiscard]] DaemonDescriptors daemon_descriptors();

/// Calls visit(fd) for each descriptor that a program needs to go on with a stack that runs, Alpine's own.
template <typename Visit>
void for_each_of_passage(const stack::Passage& passage, const DaemonDescriptors& daemon, Visit visit) {
    for (const int fd : {passage.memory_fd, passage.wire_fd, passage.kick_fd, daemon.connection, daemon.receive,
                         daemon.send, daemon.far_end}) {
        if (fd >= 0) {
            visit(fd);
        }
    }
}

/// The variable, "NAME=value", by which this process joins a stack once it needs one. Null: it does not, or has.
[[nodiscard]] const char* pending_passage();

/// Calls visit(fd) for each descriptor that it names.
void for_each_pending(void (*visit)(int fd));

/// Sends the bound dummy to alpined: from now on its endpoint is steered here. 0 or -errno.
long claim_descriptor(int fd, alpine_endpoint* granted);

/// The same for an endpoint no dummy can be bound to; port 0 is filled in. 0 or -errno.
long claim_endpoint(alpine_endpoint* endpoint);

/// Leases up to `count` (at most ALPINE_LEASE_MAX) ephemeral ports; fills in `granted`. How many there are, or -errno.
long lease_endpoints(int protocol, unsigned count, alpine_endpoint* granted);

/// Tells alpined whether new connections of a shared endpoint are taken here.
void accept_on_endpoint(const alpine_endpoint& endpoint, bool accepts);

/// Gives an endpoint back. When it returns, the host's port is free again.
void release_endpoint(const alpine_endpoint& endpoint);

/// In a forked child. One that does not share the stack closes its copies of connection and TUN queue.
void reset_startup_after_fork();

}  // namespace alp::calls
