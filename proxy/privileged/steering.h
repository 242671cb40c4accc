// SPDX-License-Identifier: GPL-2.0
// The eBPF side of alpined: loads the programs of bpf/, puts them on devices, writes and reads their maps.
//
// Programs and maps outlive alpined: they are held by the filters on the devices. The alpined after this one loads its
// own programs on the same maps (surviving_maps.h) and puts them in the place of the old ones, device by device.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "abi/steering_state.h"
#include "base/result.h"
#include "proxy/claim_table.h"
#include "proxy/privileged/sysctl.h"

struct alpine_steering;  // the skeleton bpftool made

namespace alp::proxy {

class Steering final : public FlowMap, public SettingNotes {
public:
    /// Loads the programs, on the maps of the alpined before if it left any of this layout. The error names the remedy.
    static Result<std::unique_ptr<Steering>> load();

    /// Has an alpined with this wire left its programs on devices here?
    static bool is_left_behind();

    Steering(const Steering&) = delete;
    Steering& operator=(const Steering&) = delete;
    /// What is on devices stays there.
    ~Steering() override;

    /// Takes the programs off all devices, and away the clsact qdiscs that were made for them.
    void detach_all();

    /// Steers what comes in on a device of the host. Replaces what an alpined that died left there. `refuse_own`: as
    /// accept_local is on for our sake alone, IPv4 packets from the host's own addresses are dropped.
    Result<void> attach_host(unsigned ifindex, bool refuse_own);
    void detach_host(unsigned ifindex);
    /// The device is gone and its filters with it.
    void forget_host(unsigned ifindex);

    /// Puts the checks on a stack's TUN and starts counting for it. The filters go with the device.
    Result<void> attach_tun(unsigned ifindex);
    /// The same for a TUN from before, which keeps its counters.
    Result<void> renew_tun(unsigned ifindex);
    void forget_tun(unsigned ifindex);

    /// Writes down whose stack is behind a TUN, for the next alpined; until forget_tun().
    Result<void> record_stack(unsigned ifindex, const alpine_stack_record& record);
    [[nodiscard]] std::map<unsigned, alpine_stack_record> recorded_stacks() const;

    /// The TCP connections that a stack has left open. They are forgotten.
    std::vector<alpine_connection_key> take_connections(unsigned ifindex);

    Result<void> set(const alpine_flow_key& key, const alpine_flow_owner& owner) override;
    Result<void> share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) override;
    void erase(const alpine_flow_key& key) override;
    /// All there are, with their owners in the order of their coming.
    [[nodiscard]] std::map<alpine_flow_key, std::vector<alpine_flow_owner>, KeyLess> flows() const;

    /// On this TCP port of a stack the host has connections of its own, or none any more.
    void split_port(std::uint16_t port_be, bool split);
    [[nodiscard]] std::vector<std::uint16_t> split_ports() const;

    [[nodiscard]] std::map<std::string, std::string> settings() const override;
    Result<void> note_setting(const std::string& path, const std::string& previous) override;
    void forget_setting(const std::string& path) override;

    /// An address of the host, or one by which it is reached by broadcast. Replaces what was known of it.
    Result<void> add_address(const in6_addr& address, const alpine_address_use& use);
    void remove_address(const in6_addr& address);
    [[nodiscard]] std::map<in6_addr, alpine_address_use, AddressLess> addresses() const;

    /// Devices of the host that steering is on.
    [[nodiscard]] std::size_t host_count() const { return hosts_.size(); }
    [[nodiscard]] alpine_wire_counters counters(unsigned ifindex) const;
    [[nodiscard]] std::array<std::uint64_t, ALPINE_VERDICTS> verdicts() const;

private:
    explicit Steering(alpine_steering* skeleton) : skeleton_(skeleton) {}
    Result<void> set_owner(const alpine_flow_key& key, const alpine_flow_owner& owner);
    [[nodiscard]] std::vector<alpine_flow_owner> sharers(const alpine_flow_key& key) const;
    Result<void> keep_maps();
    void read_devices();

    alpine_steering* skeleton_;
    std::map<unsigned, std::uint32_t> hosts_;  // ifindex -> ALPINE_DEVICE_*
};

}  // namespace alp::proxy
