// SPDX-License-Identifier: GPL-2.0
#include "tests/fuzz/fake_privileged.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "proxy/classic/wire.h"
#include "proxy/privileged/connections.h"
#include "proxy/privileged/hiding.h"
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
Result<void> give(const alpine_flow_key& key, const std::set<unsigned>& owners) {
    const auto [flow, made] = kernel().flows.emplace(key, owners);
    const auto stays = [&owners](unsigned ifindex) { return owners.contains(ifindex); };
    ALPINE_FUZZ_MUST(made || std::ranges::any_of(flow->second, stays));
    ALPINE_FUZZ_MUST(std::ranges::includes(kernel().counted, owners));
    flow->second = owners;
    return {};
}

Result<void> give(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) {
    std::set<unsigned> all;
    for (const auto& owner : owners) {
        all.insert(owner.ifindex);
    }
    ALPINE_FUZZ_MUST(owners.size() > 1 && all.size() == owners.size());
    return give(key, all);
}

bool is_on_lines(const std::set<unsigned>& owners) { return classic::Wire::is_line(*owners.rbegin()); }

/// Every flow is taken away from both wires, and is on one of them.
void erase_flow(const alpine_flow_key& key, bool on_lines) {
    const auto flow = kernel().flows.find(key);
    if (flow != kernel().flows.end() && is_on_lines(flow->second) == on_lines) {
        kernel().flows.erase(flow);
        kernel().erased.insert(key);
    }
    if (on_lines) {
        ALPINE_FUZZ_MUST(kernel().erased.erase(key) == 1);
    }
}

}  // namespace

Result<void> Steering::set(const alpine_flow_key& key, const alpine_flow_owner& owner) {
    ALPINE_FUZZ_MUST(!classic::Wire::is_line(owner.ifindex));
    return give(key, std::set{owner.ifindex});
}

Result<void> Steering::share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) {
    for (const auto& owner : owners) {
        ALPINE_FUZZ_MUST(!classic::Wire::is_line(owner.ifindex));
    }
    return give(key, owners);
}

void Steering::erase(const alpine_flow_key& key) { erase_flow(key, false); }

alpine_wire_counters Steering::counters(unsigned) const { return {}; }

std::array<std::uint64_t, ALPINE_VERDICTS> Steering::verdicts() const { return {}; }

// There was no alpined before.
std::map<unsigned, alpine_stack_record> Steering::recorded_stacks() const { return {}; }
std::map<alpine_flow_key, std::vector<alpine_flow_owner>, KeyLess> Steering::flows() const { return {}; }
Result<void> Steering::record_stack(unsigned, const alpine_stack_record&) { return {}; }
Result<void> Steering::renew_tun(unsigned) { return {}; }
Result<void> Steering::add_address(const in6_addr&, const alpine_address_use&) { return {}; }
void Steering::remove_address(const in6_addr&) {}
std::map<std::string, std::string> Steering::settings() const { return {}; }
Result<void> Steering::note_setting(const std::string&, const std::string&) { return {}; }
void Steering::forget_setting(const std::string&) {}
void Steering::split_port(std::uint16_t, bool) {}
std::vector<std::uint16_t> Steering::split_ports() const { return {}; }
Result<bool> host_has_connections(std::uint16_t) { return false; }

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

Hiding::~Hiding() = default;

namespace classic {

constexpr unsigned first_line = 0x40000000;

class Wire::End final : public Line {
public:
    explicit End(unsigned ifindex)
        : ifindex_(ifindex), name_("classic" + std::to_string(ifindex)), end_(eventfd(0, EFD_CLOEXEC)) {
        kernel().tuns.insert(ifindex);
        kernel().counted.insert(ifindex);
    }
    End(const End&) = delete;
    End& operator=(const End&) = delete;
    ~End() override {
        kernel().tuns.erase(ifindex_);
        kernel().counted.erase(ifindex_);
    }

    [[nodiscard]] int client_end() const override { return end_.get(); }
    [[nodiscard]] int far_end() const override { return end_.get(); }
    [[nodiscard]] unsigned ifindex() const override { return ifindex_; }
    [[nodiscard]] const std::string& ifname() const override { return name_; }
    [[nodiscard]] alpine_wire wire() const override { return ALPINE_WIRE_CLASSIC; }

private:
    unsigned ifindex_;
    std::string name_;
    UniqueFd end_;
};

Wire::Wire(EventLoop& loop, const HostMonitor& host) : loop_(loop), host_(host) {}
Wire::~Wire() = default;

bool Wire::is_line(unsigned ifindex) { return ifindex >= first_line; }

Result<std::unique_ptr<Line>> Wire::attach() {
    return std::unique_ptr<Line>(new End(first_line + kernel().next_ifindex++));
}

// As the real one, but for its kind: the fuzzer knows it by its family.
Result<std::unique_ptr<Line>> Wire::attach_again(UniqueFd far_end) {
    int domain = 0;
    socklen_t length = sizeof(domain);
    if (getsockopt(far_end.get(), SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_UNIX) {
        return Error{EBADF, "no end of a line"};
    }
    return attach();
}

Result<void> Wire::set(const alpine_flow_key& key, const alpine_flow_owner& owner) {
    return is_line(owner.ifindex) ? give(key, std::set{owner.ifindex}) : Result<void>();
}

Result<void> Wire::share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) {
    return is_line(owners.front().ifindex) ? give(key, owners) : Result<void>();
}

std::vector<alpine_flow_owner> Wire::owners(const alpine_flow_key&) { return {}; }

void Wire::erase(const alpine_flow_key& key) { erase_flow(key, true); }
Result<void> Wire::add_address(const in6_addr&, const alpine_address_use&) { return {}; }
void Wire::remove_address(const in6_addr&) {}
std::vector<alpine_connection_key> Wire::take_connections(unsigned) { return {}; }
alpine_wire_counters Wire::counters(unsigned) { return {}; }
std::uint64_t Wire::verdict(std::uint32_t) { return 0; }

}  // namespace classic

void provoke_resets(const std::vector<alpine_connection_key>&) {}

}  // namespace alp::proxy
