// SPDX-License-Identifier: GPL-2.0
// Descriptors of the stack that this process did not make: they came over exec, or with a message.
#pragma once

namespace alp::calls {

/// The stack has an open file at `fd`, and the host keeps the number taken: makes it known here. 0 or -errno.
long take_up_stack_descriptor(int fd);

/// The same where the host has something else at the number: a dummy takes its place.
long adopt_stack_descriptor(int fd, bool close_on_exec);

/// After exec: takes up all that is open in the stack, and closes there what is not open on the host.
void take_up_inherited_descriptors();

/// Calls visit(fd) for each descriptor that this process has open inside the stack.
template <typename Visit>
void for_each_stack_descriptor(Visit visit);

/// For the above: which of the 8 * kOpenBytes numbers from `from` on are open. One past the highest of all, or -errno.
inline constexpr int kOpenBytes = 128;
long open_in_stack(int from, unsigned char (&bits)[kOpenBytes]);

template <typename Visit>
void for_each_stack_descriptor(Visit visit) {
    unsigned char bits[kOpenBytes];
    long end = 1;
    for (int from = 0; from < end; from += 8 * kOpenBytes) {
        end = open_in_stack(from, bits);
        for (int i = 0; i < 8 * kOpenBytes && from + i < end; ++i) {
            if ((bits[i / 8] >> (i % 8) & 1) != 0) {
                visit(from + i);
            }
        }
    }
}

}  // namespace alp::calls
