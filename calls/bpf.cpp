// SPDX-License-Identifier: GPL-2.0
// bpf(2) is the stack's, as it is the stack's sockets, devices and queueing disciplines that its programs are for. What
// looks at other parts of a kernel (tracing, cgroups, security) the stack does not have, and refuses.
#include <linux/bpf.h>

#include "abi/stack_calls.h"
#include "calls/stack_call.h"
#include "calls/stack_file.h"
#include "calls/startup.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

bool makes_descriptor(int command) {
    switch (command) {
        case BPF_MAP_CREATE:
        case BPF_PROG_LOAD:
        case BPF_OBJ_GET:
        case BPF_PROG_GET_FD_BY_ID:
        case BPF_MAP_GET_FD_BY_ID:
        case BPF_RAW_TRACEPOINT_OPEN:
        case BPF_BTF_LOAD:
        case BPF_BTF_GET_FD_BY_ID:
        case BPF_LINK_CREATE:
        case BPF_LINK_GET_FD_BY_ID:
        case BPF_ENABLE_STATS:
        case BPF_ITER_CREATE:
            return true;
        default:
            return false;
    }
}

}  // namespace

long sys_bpf(int command, void* attributes, unsigned len) {
    const long error = ensure_stack();
    if (error < 0) {
        return error;
    }
    if (!makes_descriptor(command)) {
        return stack_call(SYS_bpf, command, arg(attributes), len);
    }
    return place_stack_file(O_CLOEXEC,
                            [&](long fd) { return stack_call(ALPINE_NR_bpf_at, fd, command, arg(attributes), len); });
}

}  // namespace alp::calls
