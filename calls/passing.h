// SPDX-License-Identifier: GPL-2.0
// Descriptors of the stack sent over Unix sockets (unix(7), SCM_RIGHTS) within a family of processes.
//
// Theory of operation
//
// The host's kernel would carry the dummy, which means nothing to whoever receives it. So the message gets a ticket
// in its place: the writing end of a pipe made for the purpose. The stack holds the open file meanwhile, so the sender
// may close its own descriptor at once, and in a table stands which pipe stands for which file. A process of the family
// that receives a ticket gets the file in its place. When no ticket of a pipe is left (received, or the message thrown
// away), its reading end, which the sender has, says so, and the file is let go. Whoever has another stack, or none, is
// left with a pipe that nobody reads: a descriptor that can do nothing.
//
// pidfd_getfd(2) of another process of the family takes the descriptor in both kernels.
#pragma once

#include <sys/socket.h>

#include <cstddef>

namespace alp::calls {

/// Does the message carry a descriptor of the stack? Bad pointers are left for the kernel to find.
[[nodiscard]] bool carries_stack_descriptors(const msghdr* message);

/// A message whose descriptors of the stack are replaced by tickets.
class Outgoing {
public:
    explicit Outgoing(const msghdr* message) : original_(message) {}
    ~Outgoing();
    Outgoing(const Outgoing&) = delete;
    Outgoing& operator=(const Outgoing&) = delete;

    /// Makes the tickets. 0 or -errno.
    long prepare();

    /// What is to be sent. Valid after prepare(), as long as this lives.
    [[nodiscard]] const msghdr* message() const { return &copy_; }

private:
    static constexpr std::size_t kControlRoom = 2048; /* SCM_MAX_FD (253) descriptors and some credentials */
    static constexpr int kMaxTickets = 253;

    const msghdr* original_;
    msghdr copy_{};
    int tickets_[kMaxTickets];
    int ticket_count_ = 0;
    alignas(cmsghdr) char control_[kControlRoom];
};

/// Has this process sent any descriptor that is still held?
[[nodiscard]] bool descriptors_under_way();

/// May this message, just received from the host, have brought one?
[[nodiscard]] bool descriptors_may_come(const msghdr* message);

/// Puts what is held in the place of the tickets that came with a received message. `flags` of the call.
void take_passed_descriptors(msghdr* message, int flags);

/// Lets go of what no ticket stands for any more.
void forget_lost_tickets();

/// The same after a close() of the host's, which may have thrown a message away.
inline void forget_lost_tickets_if_any() {
    if (__builtin_expect(descriptors_under_way(), 0)) {
        forget_lost_tickets();
    }
}

/// In a forked child: the reading ends are the parent's.
void reset_passing_after_fork();

}  // namespace alp::calls
