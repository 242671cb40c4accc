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
#include "proxy/privileged/filter.h"
#include "proxy/privileged/surviving_maps.h"

namespace alp::proxy {
namespace {

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

std::size_t cpus() {
    static const int count = libbpf_num_possible_cpus();
    return count > 0 ? static_cast<std::size_t>(count) : 1;
}

/// Calls `visit(key, value)` for each entry. The walk is over a copy of the keys: a visit may erase.
template <typename Key, typename Value, typename Visit>
void for_each_entry(const bpf_map* map, Visit visit) {
    const int fd = bpf_map__fd(map);
    std::vector<Key> keys;
    const Key* previous = nullptr;
    for (Key next{}; bpf_map_get_next_key(fd, previous, &next) == 0;) {
        keys.push_back(next);
        previous = &keys.back();
    }
    for (const Key& key : keys) {
        if (Value value{}; bpf_map_lookup_elem(fd, &key, &value) == 0) {
            visit(key, value);
        }
    }
}

alpine_address key_of(const in6_addr& address) {
    alpine_address key{};
    std::memcpy(key.addr, &address, sizeof(key.addr));
    return key;
}

}  // namespace

Result<std::unique_ptr<Steering>> Steering::load() {
    libbpf_set_print(log_libbpf);
    alpine_steering* skeleton = alpine_steering__open();
    if (skeleton == nullptr) {
        return Error{errno, "cannot read the steering programs in alpined"};
    }
    std::unique_ptr<Steering> steering(new Steering(skeleton));
    const Takeover takeover = reuse_maps(skeleton->obj, find_surviving_maps());
    if (takeover == Takeover::incompatible) {
        log(LogLevel::error,
            "the alpined before was of another build: its stacks cannot be taken over, restart their programs");
    }
    if (alpine_steering__load(skeleton) != 0) {
        return Error{errno,
                     "the host kernel refused the steering programs: run alpined as root (CAP_BPF, CAP_NET_ADMIN) "
                     "on Linux 5.12 or later; --log-level debug shows its reasons"};
    }
    if (auto kept = steering->keep_maps(); !kept) {
        return kept.error();
    }
    steering->read_devices();
    return steering;
}

bool Steering::is_left_behind() {
    libbpf_set_print(log_libbpf);
    return !find_surviving_maps().empty();
}

Steering::~Steering() { alpine_steering__destroy(skeleton_); }

Result<void> Steering::keep_maps() {
    const std::uint32_t key = 0;
    const std::uint32_t version = ALPINE_STEERING_LAYOUT;
    bpf_map_update_elem(bpf_map__fd(skeleton_->maps.layout), &key, &version, BPF_ANY);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton_->obj) {
        const int error = bpf_prog_bind_map(bpf_program__fd(skeleton_->progs.host_ingress), bpf_map__fd(map), nullptr);
        if (error != 0 && error != -EEXIST) {
            return Error{-error, "the host kernel does not keep alpined's maps: it must be Linux 5.10 or later"};
        }
    }
    return {};
}

void Steering::read_devices() {
    for_each_entry<std::uint32_t, std::uint32_t>(
        skeleton_->maps.devices, [this](const auto& ifindex, const auto& bits) { hosts_.emplace(ifindex, bits); });
}

Result<void> Steering::attach_host(unsigned ifindex, bool refuse_own) {
    const auto made = make_clsact(ifindex);
    if (!made) {
        return made.error();
    }
    auto attached = attach_filter(ifindex, Direction::ingress, skeleton_->progs.host_ingress);
    if (attached) {
        // A qdisc that the alpined before has made is as good as our own.
        std::uint32_t& bits = hosts_.emplace(ifindex, made.value() ? ALPINE_DEVICE_CLSACT : 0).first->second;
        bits = (bits & ALPINE_DEVICE_CLSACT) | (refuse_own ? ALPINE_DEVICE_ACCEPTS_LOCAL : 0);
        bpf_map_update_elem(bpf_map__fd(skeleton_->maps.devices), &ifindex, &bits, BPF_ANY);
    }
    return attached;
}

void Steering::detach_host(unsigned ifindex) {
    const auto host = hosts_.find(ifindex);
    if (host == hosts_.end()) {
        return;
    }
    detach_filter(ifindex, Direction::ingress);
    if ((host->second & ALPINE_DEVICE_CLSACT) != 0) {
        remove_clsact(ifindex);
    }
    forget_host(ifindex);
}

void Steering::forget_host(unsigned ifindex) {
    hosts_.erase(ifindex);
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.devices), &ifindex);
}

void Steering::detach_all() {
    while (!hosts_.empty()) {
        detach_host(hosts_.begin()->first);
    }
}

Result<void> Steering::attach_tun(unsigned ifindex) {
    const std::vector<alpine_wire_counters> zeroes(cpus());
    const int counters = bpf_map__fd(skeleton_->maps.wire_counters);
    if (bpf_map_update_elem(counters, &ifindex, zeroes.data(), BPF_ANY) != 0) {
        return Error{errno == E2BIG ? ENOSPC : errno, "no room for the counters of one more stack"};
    }
    return renew_tun(ifindex);
}

Result<void> Steering::renew_tun(unsigned ifindex) {
    if (auto made = make_clsact(ifindex); !made) {
        return made.error();
    }
    if (auto attached = attach_filter(ifindex, Direction::ingress, skeleton_->progs.tun_ingress); !attached) {
        return attached;
    }
    return attach_filter(ifindex, Direction::egress, skeleton_->progs.tun_egress);
}

Result<void> Steering::record_stack(unsigned ifindex, const alpine_stack_record& record) {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.stacks), &ifindex, &record, BPF_ANY) != 0) {
        return Error{errno == E2BIG ? ENOSPC : errno, "no room for one more stack"};
    }
    return {};
}

void Steering::forget_tun(unsigned ifindex) {
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.wire_counters), &ifindex);
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.stacks), &ifindex);
}

std::map<unsigned, alpine_stack_record> Steering::recorded_stacks() const {
    std::map<unsigned, alpine_stack_record> all;
    for_each_entry<std::uint32_t, alpine_stack_record>(
        skeleton_->maps.stacks, [&all](const auto& ifindex, const auto& record) { all[ifindex] = record; });
    return all;
}

std::vector<alpine_flow_owner> Steering::sharers(const alpine_flow_key& key) const {
    alpine_share share{};
    if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.shares), &key, &share) != 0) {
        return {};
    }
    return {share.members, share.members + std::min<std::size_t>(share.count, std::size(share.members))};
}

std::map<alpine_flow_key, std::vector<alpine_flow_owner>, KeyLess> Steering::flows() const {
    std::map<alpine_flow_key, std::vector<alpine_flow_owner>, KeyLess> all;
    for_each_entry<alpine_flow_key, alpine_flow_owner>(
        skeleton_->maps.flows, [this, &all](const auto& key, const auto& owner) {
            all[key] = owner.ifindex == ALPINE_SHARED_FLOW ? sharers(key) : std::vector{owner};
        });
    return all;
}

std::map<in6_addr, alpine_address_use, AddressLess> Steering::addresses() const {
    std::map<in6_addr, alpine_address_use, AddressLess> all;
    for_each_entry<alpine_address, alpine_address_use>(skeleton_->maps.local_addresses,
                                                       [&all](const auto& key, const auto& use) {
                                                           in6_addr address{};
                                                           std::memcpy(&address, key.addr, sizeof(address));
                                                           all[address] = use;
                                                       });
    return all;
}

std::vector<std::uint16_t> Steering::split_ports() const {
    std::vector<std::uint16_t> all;
    for_each_entry<std::uint16_t, std::uint8_t>(skeleton_->maps.split_ports,
                                                [&all](const auto& port_be, const auto&) { all.push_back(port_be); });
    return all;
}

void Steering::split_port(std::uint16_t port_be, bool split) {
    const int ports = bpf_map__fd(skeleton_->maps.split_ports);
    const std::uint8_t present = 1;
    if (split) {
        bpf_map_update_elem(ports, &port_be, &present, BPF_ANY);
    } else {
        bpf_map_delete_elem(ports, &port_be);
    }
    const std::uint32_t key = 0;
    const auto count = static_cast<std::uint32_t>(split_ports().size());
    bpf_map_update_elem(bpf_map__fd(skeleton_->maps.split_count), &key, &count, BPF_ANY);
}

std::map<std::string, std::string> Steering::settings() const {
    std::map<std::string, std::string> all;
    for_each_entry<alpine_setting_name, alpine_setting_value>(
        skeleton_->maps.settings, [&all](const auto& name, const auto& value) {
            all[std::string(name.path, strnlen(name.path, sizeof(name.path)))] =
                std::string(value.text, strnlen(value.text, sizeof(value.text)));
        });
    return all;
}

Result<void> Steering::note_setting(const std::string& path, const std::string& previous) {
    alpine_setting_name name{};
    alpine_setting_value value{};
    if (path.size() >= sizeof(name.path) || previous.size() >= sizeof(value.text)) {
        return Error{ENAMETOOLONG, "sysctl " + path + " is too long to be noted"};
    }
    path.copy(name.path, path.size());
    previous.copy(value.text, previous.size());
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.settings), &name, &value, BPF_ANY) != 0) {
        return Error{errno, "cannot note what sysctl " + path + " was"};
    }
    return {};
}

void Steering::forget_setting(const std::string& path) {
    alpine_setting_name name{};
    path.copy(name.path, sizeof(name.path) - 1);
    bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.settings), &name);
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

Result<void> Steering::set_owner(const alpine_flow_key& key, const alpine_flow_owner& owner) {
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.flows), &key, &owner, BPF_ANY) != 0) {
        return Error{errno == E2BIG ? ENOSPC : errno, "no room for one more steered endpoint"};
    }
    return {};
}

// A packet must never find the flow shared and no share: so the flow is written last when sharing begins, and first
// when it ends.
Result<void> Steering::set(const alpine_flow_key& key, const alpine_flow_owner& owner) {
    auto owned = set_owner(key, owner);
    if (owned) {
        bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.shares), &key);
    }
    return owned;
}

Result<void> Steering::share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) {
    alpine_share share{};
    if (owners.size() > std::size(share.members)) {
        return Error{ENOSPC, "no more than " + std::to_string(std::size(share.members)) + " stacks share an endpoint"};
    }
    share.count = static_cast<__u32>(owners.size());
    std::ranges::copy(owners, share.members);
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.shares), &key, &share, BPF_ANY) != 0) {
        return Error{errno == E2BIG ? ENOSPC : errno, "no room for one more shared endpoint"};
    }
    return set_owner(key, {ALPINE_SHARED_FLOW, 0, 0, 0});
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
