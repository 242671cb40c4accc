// SPDX-License-Identifier: GPL-2.0
// What devices and addresses this network namespace has, kept up to date through rtnetlink (rtnetlink(7)).
#pragma once

#include <libmnl/libmnl.h>
#include <netinet/in.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "abi/steering.h"
#include "base/result.h"
#include "proxy/endpoint.h"

namespace alp::proxy {

/// One device.
struct Link {
    std::string ifname;
    std::string kind;  ///< "veth", "tun", ...; empty for a physical one and lo
    unsigned mtu_bytes = 0;
    bool up = false;
    bool carrier = false;  ///< of a TUN: somebody has its queue
    bool loopback = false;
};

class HostMonitor {
public:
    /// Listens first and reads everything then, so that nothing is missed in between.
    static Result<HostMonitor> make();

    /// Readable when something changed: then call update().
    [[nodiscard]] int fd() const { return mnl_socket_get_fd(netlink_.get()); }

    /// Takes in all notifications there are. If the kernel had to drop some, reads everything anew.
    Result<void> update();

    [[nodiscard]] const std::map<unsigned, Link>& links() const { return links_; }

    /// All addresses of all devices, v4-mapped, each once.
    [[nodiscard]] std::set<in6_addr, AddressLess> addresses() const;

    /// The same, with the device that has each, and the addresses by which they are reached by broadcast.
    [[nodiscard]] std::map<in6_addr, alpine_address_use, AddressLess> address_uses() const;

    /// The largest MTU of a device that is up and not lo; 1500 if there is none. Devices of kind "tun" do not count.
    [[nodiscard]] unsigned mtu_bytes() const;

private:
    using Netlink = std::unique_ptr<mnl_socket, decltype(&mnl_socket_close)>;

    explicit HostMonitor(Netlink netlink) : netlink_(std::move(netlink)) {}
    Result<void> read_all();
    Result<void> read_table(int message_type);
    void apply(const nlmsghdr* message);
    void apply_link(const nlmsghdr* message);
    void apply_address(const nlmsghdr* message);
    static int apply_callback(const nlmsghdr* message, void* self);

    Netlink netlink_;
    std::map<unsigned, Link> links_;
    std::map<unsigned, std::map<in6_addr, unsigned, AddressLess>> addresses_;  // by ifindex: address, prefix length
};

}  // namespace alp::proxy
