// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/steering.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <vector>

#include "bpf/alpine_steering.skel.h"
#include "proxy/log.h"

namespace alp::proxy {
namespace {

// Where our filter sits among those of others: a number that nobody gets by asking for the next free one.
constexpr unsigned filter_handle = 0xa1;
constexpr unsigned filter_priority = 0xa1;

int log_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) {
        return 0;
    }
    std::array<char, 1024> line{};
    const int length = vsnprintf(line.data(), line.size(), format, arguments);
    std::string_view text(line.data());
    text.remove_suffix(text.ends_with('\n') ? 1 : 0);
    log(LogLevel::debug, "{}", text);
    return length;
}

bpf_tc_hook hook_on(unsigned ifindex, bpf_tc_attach_point point) {
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = static_cast<int>(ifindex);
    hook.attach_point = point;
    return hook;
}

/// True if the clsact qdisc was made, false if it was there.
Result<bool> make_clsact(unsigned ifindex) {
    bpf_tc_hook hook = hook_on(ifindex, BPF_TC_INGRESS);
    const int error = bpf_tc_hook_create(&hook);
    if (error != 0 && error != -EEXIST) {
        return Error{-error, "cannot make the clsact qdisc of device " + std::to_string(ifindex)};
    }
    return error == 0;
}

Result<void> attach_filter(unsigned ifindex, bpf_tc_attach_point point, const bpf_program* program) {
    const bpf_tc_hook hook = hook_on(ifindex, point);
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.prog_fd = bpf_program__fd(program);
    options.handle = filter_handle;
    options.priority = filter_priority;
    options.flags = BPF_TC_F_REPLACE;
    if (const int error = bpf_tc_attach(&hook, &options); error != 0) {
        return Error{-error, "cannot attach steering to device " + std::to_string(ifindex)};
    }
    return {};
}

void detach_filter(unsigned ifindex, bpf_tc_attach_point point) {
    const bpf_tc_hook hook = hook_on(ifindex, point);
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.handle = filter_handle;
    options.priority = filter_priority;
    bpf_tc_detach(&hook, &options);
}

std::size_t cpus() {
    static const int count = libbpf_num_possible_cpus();
    return count > 0 ? static_cast<std::size_t>(count) : 1;
}

alpine_address key_of(const in6_addr& address) {
    alpine_address key{};
    std::memcpy(key.addr, &address, sizeof(key.addr));
    return key;
}

}  // namespace

Result<std::unique_ptr<Steering>> Steering::load() {
    libbpf_set_print(log_libbpf);
    alpine_steering* skeleton = alpine_steering__open_and_load();
    if (skeleton == nullptr) {
        return Error{errno,
                     "the host kernel refused the steering programs: run alpined as root (CAP_BPF, CAP_NET_ADMIN) "
                     "on Linux 5.12 or later; --log-level debug shows its reasons"};
    }
    return std::unique_ptr<Steering>(new Steering(skeleton));
}

Steering::~Steering() {
    while (!hosts_.empty()) {
        detach_host(hosts_.begin()->first);
    }
    alpine_steering__destroy(skeleton_);
}

Result<void> Steering::attach_host(unsigned ifindex) {
    const auto made = make_clsact(ifindex);
    if (!made) {
        return made.error();
    }
    auto attached = attach_filter(ifindex, BPF_TC_INGRESS, skeleton_->progs.host_ingress);
    if (attached) {
        hosts_.emplace(ifindex, made.value());
    }
    return attached;
}

void Steering::detach_host(unsigned ifindex) {
    const auto host = hosts_.find(ifindex);
    if (host == hosts_.end()) {
        return;
    }
    detach_filter(ifindex, BPF_TC_INGRESS);
    if (host->second) {
        bpf_tc_hook both = hook_on(ifindex, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
        bpf_tc_hook_destroy(&both);
    }
    hosts_.erase(host);
}

Result<void> Steering::attach_tun(unsigned ifindex) {
    const std::vector<alpine_wire_counters> zeroes(cpus());
    const int counters = bpf_map__fd(skeleton_->maps.wire_counters);
    if (bpf_map_update_elem(counters, &ifindex, zeroes.data(), BPF_ANY) != 0) {
        return Error{errno == E2BIG ? ENOSPC : errno, "no room for the counters of one more stack"};
    }
    if (auto made = make_clsact(ifindex); !made) {
        return made.error();
    }
    if (auto attached = attach_filter(ifindex, BPF_TC_INGRESS, skeleton_->progs.tun_ingress); !attached) {
        return attached;
    }
    return attach_filter(ifindex, BPF_TC_EGRESS, skeleton_->progs.tun_egress);
}

void Steering::forget_tun(unsigned ifindex) {
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.wire_counters), &ifindex);
}

std::vector<alpine_connection_key> Steering::take_connections(unsigned ifindex) {
    const int map = bpf_map__fd(skeleton_->maps.connections);
    std::vector<alpine_connection_key> left_open;
    alpine_connection_key key{};
    const alpine_connection_key* previous = nullptr;
    for (alpine_connection_key next{}; bpf_map_get_next_key(map, previous, &next) == 0;) {
        key = next;
        previous = &key;
        if (key.ifindex == ifindex) {
            left_open.push_back(key);
        }
    }
    for (const auto& connection : left_open) {
        bpf_map_delete_elem(map, &connection);
    }
    return left_open;
}

Result<void> Steering::set_owner(const alpine_flow_key& key, std::uint32_t ifindex) {
    const alpine_flow_owner owner{ifindex};
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.flows), &key, &owner, BPF_ANY) != 0) {
        return Error{errno == E2BIG ? ENOSPC : errno, "no room for one more steered endpoint"};
    }
    return {};
}

// A packet must never find the flow shared and no share: so the flow is written last when sharing begins, and first
// when it ends.
Result<void> Steering::set(const alpine_flow_key& key, unsigned ifindex) {
    auto owned = set_owner(key, ifindex);
    if (owned) {
        bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.shares), &key);
    }
    return owned;
}

Result<void> Steering::share(const alpine_flow_key& key, const std::vector<alpine_share_member>& members) {
    alpine_share share{};
    if (members.size() > std::size(share.members)) {
        return Error{ENOSPC, "no more than " + std::to_string(std::size(share.members)) + " stacks share an endpoint"};
    }
    share.count = static_cast<__u32>(members.size());
    std::ranges::copy(members, share.members);
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.shares), &key, &share, BPF_ANY) != 0) {
        return Error{errno == E2BIG ? ENOSPC : errno, "no room for one more shared endpoint"};
    }
    return set_owner(key, ALPINE_SHARED_FLOW);
}

void Steering::erase(const alpine_flow_key& key) {
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.flows), &key);
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.shares), &key);
}

Result<void> Steering::add_address(const in6_addr& address, const alpine_address_use& use) {
    const alpine_address key = key_of(address);
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.local_addresses), &key, &use, BPF_ANY) != 0) {
        return Error{errno, "no room for one more local address"};
    }
    return {};
}

void Steering::remove_address(const in6_addr& address) {
    const alpine_address key = key_of(address);
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.local_addresses), &key);
}

alpine_wire_counters Steering::counters(unsigned ifindex) const {
    std::vector<alpine_wire_counters> per_cpu(cpus());
    alpine_wire_counters sum{};
    if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.wire_counters), &ifindex, per_cpu.data()) != 0) {
        return sum;
    }
    for (const auto& one : per_cpu) {
        sum.in_packets += one.in_packets;
        sum.in_bytes += one.in_bytes;
        sum.out_packets += one.out_packets;
        sum.out_bytes += one.out_bytes;
        for (std::size_t reason = 0; reason < ALPINE_DROP_REASONS; ++reason) {
            sum.drops[reason] += one.drops[reason];
        }
    }
    return sum;
}

std::array<std::uint64_t, ALPINE_VERDICTS> Steering::verdicts() const {
    std::array<std::uint64_t, ALPINE_VERDICTS> sums{};
    std::vector<std::uint64_t> per_cpu(cpus());
    for (std::uint32_t verdict = 0; verdict < ALPINE_VERDICTS; ++verdict) {
        if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.verdicts), &verdict, per_cpu.data()) != 0) {
            continue;
        }
        for (const auto count : per_cpu) {
            sums[verdict] += count;
        }
    }
    return sums;
}

}  // namespace alp::proxy
