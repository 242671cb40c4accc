// SPDX-License-Identifier: GPL-2.0
#include "proxy/wires.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

#include "proxy/client/names.h"
#include "proxy/privileged/tun.h"

namespace alp::proxy {
namespace {

class TunLine final : public Line {
public:
    explicit TunLine(Tun tun) : tun_(std::move(tun)) {}

    [[nodiscard]] int client_end() const override { return tun_.queue(); }
    [[nodiscard]] unsigned ifindex() const override { return tun_.ifindex(); }
    [[nodiscard]] const std::string& ifname() const override { return tun_.ifname(); }
    [[nodiscard]] alpine_wire wire() const override { return ALPINE_WIRE_STEER; }
    [[nodiscard]] bool lasts() const override { return true; }
    void leave() override { tun_.leave(); }

private:
    Tun tun_;
};

}  // namespace

std::uint32_t Wires::offered() const {
    return (steer_ != nullptr ? 1U << ALPINE_WIRE_STEER : 0U) | (classic_ != nullptr ? 1U << ALPINE_WIRE_CLASSIC : 0U);
}

Result<std::unique_ptr<Line>> Wires::attach(std::uint32_t wanted) {
    if (wanted > ALPINE_WIRE_CLASSIC) {
        return Error{EINVAL, fmt::format("there is no wire of number {}", wanted)};
    }
    const alpine_wire wire = wanted == ALPINE_WIRE_ANY ? preferred_ : static_cast<alpine_wire>(wanted);
    if (wire == ALPINE_WIRE_STEER && steer_ != nullptr) {
        return attach_tun();
    }
    if (wire == ALPINE_WIRE_CLASSIC && classic_ != nullptr) {
        return classic_->attach();
    }
    return Error{EOPNOTSUPP, refuse_wire(wire)};
}

Result<std::unique_ptr<Line>> Wires::attach_again(UniqueFd far_end) {
    return classic_ != nullptr ? classic_->attach_again(std::move(far_end))
                               : Error{EOPNOTSUPP, refuse_wire(ALPINE_WIRE_CLASSIC)};
}

Result<std::unique_ptr<Line>> Wires::attach_tun() {
    if (auto prepared = before_tun_(); !prepared) {
        return prepared.error();
    }
    auto tun = Tun::make();
    if (!tun) {
        return tun.error();
    }
    const unsigned ifindex = tun.value().ifindex();
    if (auto attached = steer_->attach_tun(ifindex); !attached) {
        return attached.error();
    }
    if (auto up = tun.value().bring_up(); !up) {
        steer_->forget_tun(ifindex);
        return up.error();
    }
    if (classic_ != nullptr) {
        classic_->add_tun(ifindex);
    }
    return std::unique_ptr<Line>(new TunLine(std::move(tun).value()));
}

void Wires::forget(unsigned ifindex) {
    if (classic::Wire::is_line(ifindex)) {
        return;
    }
    steer_->forget_tun(ifindex);
    if (classic_ != nullptr) {
        classic_->remove_tun(ifindex);
    }
}

std::unique_ptr<Line> Wires::adopt(UniqueFd queue, const TunIdentity& tun) {
    return std::make_unique<TunLine>(Tun::adopt(std::move(queue), tun));
}

Result<void> Wires::record(const Line& line, const alpine_stack_record& record) {
    return line.lasts() ? steer_->record_stack(line.ifindex(), record) : Result<void>();
}

std::map<unsigned, alpine_stack_record> Wires::recorded_stacks() const {
    return steer_ != nullptr ? steer_->recorded_stacks() : std::map<unsigned, alpine_stack_record>();
}

std::map<alpine_flow_key, std::vector<alpine_flow_owner>, KeyLess> Wires::flows() const {
    return steer_ != nullptr ? steer_->flows() : std::map<alpine_flow_key, std::vector<alpine_flow_owner>, KeyLess>();
}

Result<void> Wires::renew_tun(unsigned ifindex) {
    if (classic_ != nullptr) {
        classic_->add_tun(ifindex);
    }
    return steer_->renew_tun(ifindex);
}

std::vector<alpine_connection_key> Wires::take_connections(unsigned ifindex) {
    return classic::Wire::is_line(ifindex) ? classic_->take_connections(ifindex) : steer_->take_connections(ifindex);
}

Result<void> Wires::give(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) {
    const auto give_on = [&key](auto& wire, const std::vector<alpine_flow_owner>& all) {
        return all.size() == 1 ? wire.set(key, all.front()) : wire.share(key, all);
    };
    std::vector<alpine_flow_owner> before;
    if (classic_ != nullptr) {
        before = classic::Wire::owners(key);
        if (auto known = give_on(*classic_, owners); !known) {
            return known;
        }
    }
    if (classic::Wire::is_line(owners.front().ifindex)) {
        return {};
    }
    auto steered = give_on(*steer_, owners);
    if (!steered && classic_ != nullptr) {
        classic_->erase(key);
        (void)(before.empty() ? Result<void>() : give_on(*classic_, before));  // which had room for it
    }
    return steered;
}

Result<void> Wires::set(const alpine_flow_key& key, const alpine_flow_owner& owner) { return give(key, {owner}); }

Result<void> Wires::share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) {
    const auto lines = std::ranges::count_if(
        owners, [](const alpine_flow_owner& owner) { return classic::Wire::is_line(owner.ifindex); });
    if (lines != 0 && lines != std::ssize(owners)) {
        return Error{EADDRINUSE, describe({key, 0}) +
                                     " is claimed by a stack on another wire: stacks that share an endpoint must be "
                                     "on one ('alp run --wire')"};
    }
    return give(key, owners);
}

void Wires::erase(const alpine_flow_key& key) {
    if (steer_ != nullptr) {
        steer_->erase(key);
    }
    if (classic_ != nullptr) {
        classic_->erase(key);
    }
}

Result<void> Wires::add_address(const in6_addr& address, const alpine_address_use& use) {
    if (classic_ != nullptr) {
        if (auto added = classic_->add_address(address, use); !added) {
            return added;
        }
    }
    return steer_ != nullptr ? steer_->add_address(address, use) : Result<void>();
}

void Wires::remove_address(const in6_addr& address) {
    if (classic_ != nullptr) {
        classic_->remove_address(address);
    }
    if (steer_ != nullptr) {
        steer_->remove_address(address);
    }
}

alpine_wire_counters Wires::counters(unsigned ifindex) const {
    return classic::Wire::is_line(ifindex) ? classic::Wire::counters(ifindex) : steer_->counters(ifindex);
}

std::array<std::uint64_t, ALPINE_VERDICTS> Wires::verdicts() const {
    auto sums = steer_ != nullptr ? steer_->verdicts() : std::array<std::uint64_t, ALPINE_VERDICTS>{};
    for (std::uint32_t which = 0; classic_ != nullptr && which < ALPINE_VERDICTS; ++which) {
        sums[which] += classic::Wire::verdict(which);
    }
    return sums;
}

}  // namespace alp::proxy
