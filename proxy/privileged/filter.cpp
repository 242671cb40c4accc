// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <string>

namespace alp::proxy {
namespace {

// Where our filter sits among those of others: a number that nobody gets by asking for the next free one.
constexpr unsigned filter_handle = 0xa1;
constexpr unsigned filter_priority = 0xa1;

bpf_tc_attach_point point_of(Direction direction) {
    return direction == Direction::ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

bpf_tc_hook hook_on(unsigned ifindex, bpf_tc_attach_point point) {
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = static_cast<int>(ifindex);
    hook.attach_point = point;
    return hook;
}

bpf_tc_opts our_filter() {
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.handle = filter_handle;
    options.priority = filter_priority;
    return options;
}

}  // namespace

Result<bool> make_clsact(unsigned ifindex) {
    bpf_tc_hook hook = hook_on(ifindex, BPF_TC_INGRESS);
    const int error = bpf_tc_hook_create(&hook);
    if (error != 0 && error != -EEXIST) {
        return Error{-error, "cannot make the clsact qdisc of device " + std::to_string(ifindex)};
    }
    return error == 0;
}

void remove_clsact(unsigned ifindex) {
    bpf_tc_hook both = hook_on(ifindex, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
    bpf_tc_hook_destroy(&both);
}

Result<void> attach_filter(unsigned ifindex, Direction direction, const bpf_program* program) {
    const bpf_tc_hook hook = hook_on(ifindex, point_of(direction));
    bpf_tc_opts options = our_filter();
    options.prog_fd = bpf_program__fd(program);
    options.flags = BPF_TC_F_REPLACE;
    if (const int error = bpf_tc_attach(&hook, &options); error != 0) {
        return Error{-error, "cannot attach steering to device " + std::to_string(ifindex)};
    }
    return {};
}

void detach_filter(unsigned ifindex, Direction direction) {
    const bpf_tc_hook hook = hook_on(ifindex, point_of(direction));
    const bpf_tc_opts options = our_filter();
    bpf_tc_detach(&hook, &options);
}

UniqueFd program_on(unsigned ifindex) {
    const bpf_tc_hook hook = hook_on(ifindex, BPF_TC_INGRESS);
    bpf_tc_opts options = our_filter();
    if (bpf_tc_query(&hook, &options) != 0) {
        return {};
    }
    return UniqueFd(bpf_prog_get_fd_by_id(options.prog_id));
}

}  // namespace alp::proxy
