// SPDX-License-Identifier: GPL-2.0
// The eBPF side of alpined: loads the programs of bpf/, puts them on devices, writes and reads their maps.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "abi/steering.h"
#include "base/result.h"
#include "proxy/claim_table.h"

struct alpine_steering;  // the skeleton bpftool made

namespace alp::proxy {

class Steering final : public FlowMap {
public:
    /// Loads the programs. The error names the remedy.
    static Result<std::unique_ptr<Steering>> load();

    Steering(const Steering&) = delete;
    Steering& operator=(const Steering&) = delete;
    /// Takes the programs off all devices, and away the clsact qdiscs that were made for them.
    ~Steering() override;

    /// Steers what comes in on a device of the host. Replaces what an alpined that died left there.
    Result<void> attach_host(unsigned ifindex);
    void detach_host(unsigned ifindex);
    /// The device is gone and its filters with it.
    void forget_host(unsigned ifindex) { hosts_.erase(ifindex); }

    /// Puts the checks on a stack's TUN and starts counting for it. The filters go with the device.
    Result<void> attach_tun(unsigned ifindex);
    void forget_tun(unsigned ifindex);

    /// The TCP connections that a stack has left open. They are forgotten.
    std::vector<alpine_connection_key> take_connections(unsigned ifindex);

    Result<void> set(const alpine_flow_key& key, unsigned ifindex) override;
    Result<void> share(const alpine_flow_key& key, const std::vector<alpine_share_member>& members) override;
    void erase(const alpine_flow_key& key) override;

    /// An address of the host, or one by which it is reached by broadcast. Replaces what was known of it.
    Result<void> add_address(const in6_addr& address, const alpine_address_use& use);
    void remove_address(const in6_addr& address);

    /// Devices of the host that steering is on.
    [[nodiscard]] std::size_t host_count() const { return hosts_.size(); }
    [[nodiscard]] alpine_wire_counters counters(unsigned ifindex) const;
    [[nodiscard]] std::array<std::uint64_t, ALPINE_VERDICTS> verdicts() const;

private:
    explicit Steering(alpine_steering* skeleton) : skeleton_(skeleton) {}
    Result<void> set_owner(const alpine_flow_key& key, std::uint32_t ifindex);

    alpine_steering* skeleton_;
    std::map<unsigned, bool> hosts_;  // ifindex -> did we make its clsact qdisc?
};

}  // namespace alp::proxy
