// SPDX-License-Identifier: GPL-2.0
// alpined's tc filters: where the steering programs are attached.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

struct bpf_program;

namespace alp::proxy {

enum class Direction { ingress, egress };

/// Makes the clsact qdisc of a device. True if it was made, false if it was there.
Result<bool> make_clsact(unsigned ifindex);
/// Takes it away, with all filters in it.
void remove_clsact(unsigned ifindex);

/// Puts a program on a device, or at once in the place of the one that an alpined before has put there: no packet
/// passes between the two.
Result<void> attach_filter(unsigned ifindex, Direction direction, const bpf_program* program);
void detach_filter(unsigned ifindex, Direction direction);

/// The program behind our filter on the ingress of a device. Not valid: there is none.
UniqueFd program_on(unsigned ifindex);

}  // namespace alp::proxy
