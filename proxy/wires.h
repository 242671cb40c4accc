// SPDX-License-Identifier: GPL-2.0
// The wires that this alpined offers to stacks: `steer` (steering.h), `classic` (classic/wire.h), or both beside each
// other. To the rest of alpined they are one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "abi/proxy.h"
#include "base/result.h"
#include "proxy/claim_table.h"
#include "proxy/classic/wire.h"
#include "proxy/line.h"
#include "proxy/privileged/steering.h"
#include "proxy/privileged/tun.h"

namespace alp::proxy {

class Wires final : public FlowMap {
public:
    /// Either may be null, not both; they must outlive this. `preferred`: for clients that ask for none.
    Wires(Steering* steer, classic::Wire* classic, alpine_wire preferred)
        : steer_(steer), classic_(classic), preferred_(preferred) {}

    /// Called before a TUN is made; an error refuses it.
    void before_tun(std::function<Result<void>()> prepare) { before_tun_ = std::move(prepare); }

    /// Bits 1 << alpine_wire.
    [[nodiscard]] std::uint32_t offered() const;

    /// A line for one more stack, with counters at zero. `wanted`: an alpine_wire, or whatever a client says. Errors:
    /// EOPNOTSUPP this alpined does not offer that wire, EINVAL there is none such.
    Result<std::unique_ptr<Line>> attach(std::uint32_t wanted);
    /// The line of a client that has kept both its ends. Errors: EOPNOTSUPP without the classic wire, EBADF no such
    /// end.
    Result<std::unique_ptr<Line>> attach_again(UniqueFd far_end);
    /// The line is about to go.
    void forget(unsigned ifindex);

    /// What an alpined leaves to the next one is known of lines that last alone; see Steering.
    static std::unique_ptr<Line> adopt(UniqueFd queue, const TunIdentity& tun);
    Result<void> record(const Line& line, const alpine_stack_record& record);
    [[nodiscard]] std::map<unsigned, alpine_stack_record> recorded_stacks() const;
    [[nodiscard]] std::map<alpine_flow_key, std::vector<alpine_flow_owner>, KeyLess> flows() const;
    Result<void> renew_tun(unsigned ifindex);

    std::vector<alpine_connection_key> take_connections(unsigned ifindex);
    Result<void> set(const alpine_flow_key& key, const alpine_flow_owner& owner) override;
    /// EADDRINUSE: they are not all on one wire.
    Result<void> share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) override;
    void erase(const alpine_flow_key& key) override;
    Result<void> add_address(const in6_addr& address, const alpine_address_use& use);
    void remove_address(const in6_addr& address);

    /// See Steering. On the classic wire it has no effect.
    void split_port(std::uint16_t port_be, bool split) {
        if (steer_ != nullptr) {
            steer_->split_port(port_be, split);
        }
    }
    [[nodiscard]] std::vector<std::uint16_t> split_ports() const {
        return steer_ != nullptr ? steer_->split_ports() : std::vector<std::uint16_t>();
    }

    [[nodiscard]] std::size_t host_count() const { return steer_ != nullptr ? steer_->host_count() : 0; }
    [[nodiscard]] alpine_wire_counters counters(unsigned ifindex) const;
    [[nodiscard]] std::array<std::uint64_t, ALPINE_VERDICTS> verdicts() const;

private:
    Result<std::unique_ptr<Line>> attach_tun();
    /// The classic wire knows all claims, the eBPF programs only those of TUNs: they cannot redirect to a line.
    Result<void> give(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners);

    Steering* steer_;
    classic::Wire* classic_;
    alpine_wire preferred_;
    std::function<Result<void>()> before_tun_ = [] { return Result<void>(); };
};

}  // namespace alp::proxy
