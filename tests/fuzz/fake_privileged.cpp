// SPDX-License-Identifier: GPL-2.0
#include "tests/fuzz/fake_privileged.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "proxy/privileged/link.h"
#include "proxy/privileged/reset.h"
#include "proxy/privileged/steering.h"
#include "proxy/privileged/tun.h"

namespace alp::fuzz {

Kernel& kernel() {
    static Kernel kernel;
    return kernel;
}

void broken(const char* file, int line, const char* condition) {
    std::fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
    std::abort();
}

}  // namespace alp::fuzz

namespace alp::proxy {

using fuzz::kernel;

Result<std::unique_ptr<Steering>> Steering::load() { return std::unique_ptr<Steering>(new Steering(nullptr)); }

Steering::~Steering() = default;

Result<void> Steering::attach_tun(unsigned ifindex) {
    ALPINE_FUZZ_MUST(kernel().tuns.contains(ifindex));
    kernel().counted.insert(ifindex);
    return {};
}

void Steering::forget_tun(unsigned ifindex) { kernel().counted.erase(ifindex); }

std::vector<alpine_connection_key> Steering::take_connections(unsigned) { return {}; }

namespace {

// A flow never passes from some stacks to others without having been taken away in between.
void give(const alpine_flow_key& key, const std::set<unsigned>& owners) {
    const auto [flow, made] = kernel().flows.emplace(key, owners);
    const auto stays = [&owners](unsigned ifindex) { return owners.contains(ifindex); };
    ALPINE_FUZZ_MUST(made || std::ranges::any_of(flow->second, stays));
    ALPINE_FUZZ_MUST(std::ranges::includes(kernel().counted, owners));
    flow->second = owners;
}

}  // namespace

Result<void> Steering::set(const alpine_flow_key& key, const alpine_flow_owner& owner) {
    give(key, {owner.ifindex});
    return {};
}

Result<void> Steering::share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) {
    std::set<unsigned> all;
    for (const auto& owner : owners) {
        all.insert(owner.ifindex);
    }
    ALPINE_FUZZ_MUST(owners.size() > 1 && all.size() == owners.size());
    give(key, all);
    return {};
}

void Steering::erase(const alpine_flow_key& key) { ALPINE_FUZZ_MUST(kernel().flows.erase(key) == 1); }

alpine_wire_counters Steering::counters(unsigned) const { return {}; }

std::array<std::uint64_t, ALPINE_VERDICTS> Steering::verdicts() const { return {}; }

// There was no alpined before.
std::map<unsigned, alpine_stack_record> Steering::recorded_stacks() const { return {}; }
std::map<alpine_flow_key, std::vector<alpine_flow_owner>, KeyLess> Steering::flows() const { return {}; }
Result<void> Steering::record_stack(unsigned, const alpine_stack_record&) { return {}; }
Result<void> Steering::renew_tun(unsigned) { return {}; }
std::map<std::string, std::string> Steering::settings() const { return {}; }
Result<void> Steering::note_setting(const std::string&, const std::string&) { return {}; }
void Steering::forget_setting(const std::string&) {}

bool is_tun_name(const std::string& ifname) { return ifname.starts_with("alp"); }
Result<TunIdentity> identify_tun(int) { return Error{EBADF, "the descriptor is no queue of a TUN device"}; }
void delete_link(unsigned) {}

Tun::Tun(Tun&& other) noexcept
    : queue_(std::move(other.queue_)), ifname_(std::move(other.ifname_)), ifindex_(std::exchange(other.ifindex_, 0)) {}

Tun Tun::adopt(UniqueFd queue, const TunIdentity& identity) {
    Tun tun(std::move(queue), identity.ifname);
    tun.ifindex_ = identity.ifindex;
    return tun;
}

Result<Tun> Tun::make() {
    const unsigned ifindex = kernel().next_ifindex++;
    Tun tun(UniqueFd(eventfd(0, EFD_CLOEXEC)), "alp" + std::to_string(ifindex));
    tun.ifindex_ = ifindex;
    kernel().tuns.insert(ifindex);
    return tun;
}

Result<void> Tun::bring_up() { return {}; }

Tun::~Tun() {
    if (queue_.valid()) {
        kernel().tuns.erase(ifindex_);
    }
}

void provoke_resets(const std::vector<alpine_connection_key>&) {}

}  // namespace alp::proxy
