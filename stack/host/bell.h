// SPDX-License-Identifier: GPL-2.0
// Bells: how a thread that waits for descriptors is woken by a thread of another process.
//
// An event descriptor is a process's own. A Unix datagram socket with a name can be reached from everywhere in the
// network namespace; the name is random, and a stranger who rings only wakes somebody who then finds nothing.
#pragma once

#include <cstdint>

namespace alp::stack {

/// One to be waited on. Plain data: also in thread-local storage, and in a forked child, which forgets its parent's.
struct Bell {
    std::uint64_t name = 0;  ///< 0: there is none
    int fd = -1;             ///< polls readable once it was rung; private to Alpine

    /// Makes it if there is none. False: the process has no descriptors left. `hidden`: keep it from the program, see
    /// private_fd.h.
    bool make(bool hidden);

    /// After a ring.
    void silence() const;

    void close();
};

/// Rings. `out`: see bell_out().
void ring(int out, std::uint64_t name);

/// A socket to ring with, for any number of threads and processes; -1: none to be had.
[[nodiscard]] int bell_out();

}  // namespace alp::stack
