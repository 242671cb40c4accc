// SPDX-License-Identifier: GPL-2.0
// Host descriptors of the stack library itself, which the program must neither see nor close.
#pragma once

namespace alp::stack {

/// Takes ownership of `fd`, moves it out of the way of the program's low numbers, and keeps it in mind. Returns the
/// new number, or the negative value it was given. Async-signal-safe.
int adopt_private_fd(int fd);

/// Keeps in mind that `fd`, owned by somebody else, is private.
void note_private_fd(int fd);

/// A forked child has it as well.
void keep_over_fork(int fd);
[[nodiscard]] bool is_kept_over_fork(int fd);

/// The descriptor is about to be closed by its owner.
void forget_private_fd(int fd);

/// Async-signal-safe.
[[nodiscard]] bool is_private_fd(int fd);

extern int lowest_private;
extern int highest_private;

/// Calls visit(fd) for each; the visit may forget it.
template <typename Visit>
void for_each_private_fd(Visit visit) {
    for (int fd = lowest_private; fd <= highest_private; ++fd) {
        if (is_private_fd(fd)) {
            visit(fd);
        }
    }
}

/// No private descriptor has a lower number. Async-signal-safe.
inline int lowest_private_fd() { return __atomic_load_n(&lowest_private, __ATOMIC_RELAXED); }

}  // namespace alp::stack
