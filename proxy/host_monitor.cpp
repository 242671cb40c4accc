// SPDX-License-Identifier: GPL-2.0
#include "proxy/host_monitor.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace alp::proxy {
namespace {

constexpr unsigned groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
constexpr unsigned default_mtu_bytes = 1500;
constexpr std::size_t buffer_bytes = 32768;  // what the kernel fills at most in one dump message

/// Calls `visit` with each attribute of a message, behind its fixed header (libmnl's own loops are C).
template <typename Visit>
void for_each_attribute(const nlmsghdr* message, std::size_t header_bytes, Visit visit) {
    const auto call = [](const nlattr* attribute, void* data) {
        (*static_cast<Visit*>(data))(attribute);
        return MNL_CB_OK;
    };
    mnl_attr_parse(message, static_cast<unsigned>(header_bytes), call, &visit);
}

std::string link_kind(const nlattr* info) {
    std::string kind;
    const auto call = [](const nlattr* attribute, void* data) {
        if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) {
            *static_cast<std::string*>(data) = mnl_attr_get_str(attribute);
        }
        return MNL_CB_OK;
    };
    mnl_attr_parse_nested(info, call, &kind);
    return kind;
}

/// IFA_LOCAL where there is one: on a point-to-point device IFA_ADDRESS is the peer's.
Result<in6_addr> local_address(const nlmsghdr* message) {
    const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
    const nlattr* found = nullptr;
    for_each_attribute(message, sizeof(*header), [&found](const nlattr* attribute) {
        const auto type = mnl_attr_get_type(attribute);
        if (type == IFA_LOCAL || (type == IFA_ADDRESS && found == nullptr)) {
            found = attribute;
        }
    });
    const std::size_t length = header->ifa_family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
    if (found == nullptr || mnl_attr_get_payload_len(found) != length) {
        return Error{EINVAL, "address notification"};
    }
    if (header->ifa_family == AF_INET) {
        in_addr v4{};
        std::memcpy(&v4, mnl_attr_get_payload(found), sizeof(v4));
        return v4_mapped(v4);
    }
    in6_addr v6{};
    std::memcpy(&v6, mnl_attr_get_payload(found), sizeof(v6));
    return v6;
}

/// Of a v4-mapped address: all bits of its host part set.
in6_addr broadcast_of(const in6_addr& address, unsigned prefix_len) {
    in6_addr broadcast = address;
    const std::uint32_t host_part = htonl(prefix_len == 0 ? ~0U : ~0U >> prefix_len);
    std::uint32_t v4 = 0;
    std::memcpy(&v4, &broadcast.s6_addr[12], sizeof(v4));
    v4 |= host_part;
    std::memcpy(&broadcast.s6_addr[12], &v4, sizeof(v4));
    return broadcast;
}

}  // namespace

Result<HostMonitor> HostMonitor::make() {
    Netlink netlink(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close);
    if (!netlink || mnl_socket_bind(netlink.get(), groups, MNL_SOCKET_AUTOPID) < 0) {
        return Error{errno, "cannot listen to rtnetlink"};
    }
    HostMonitor monitor(std::move(netlink));
    if (auto read = monitor.read_all(); !read) {
        return read.error();
    }
    return monitor;
}

int HostMonitor::apply_callback(const nlmsghdr* message, void* self) {
    static_cast<HostMonitor*>(self)->apply(message);
    return MNL_CB_OK;
}

void HostMonitor::apply(const nlmsghdr* message) {
    switch (message->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
            apply_link(message);
            break;
        case RTM_NEWADDR:
        case RTM_DELADDR:
            apply_address(message);
            break;
        default:
            break;
    }
}

void HostMonitor::apply_link(const nlmsghdr* message) {
    const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
    const auto ifindex = static_cast<unsigned>(header->ifi_index);
    if (header->ifi_family != AF_UNSPEC) {
        return;  // a bridge speaks of its port, not of the device
    }
    if (message->nlmsg_type == RTM_DELLINK) {
        links_.erase(ifindex);
        addresses_.erase(ifindex);
        return;
    }
    Link link;
    link.up = (header->ifi_flags & IFF_UP) != 0;
    link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
    for_each_attribute(message, sizeof(*header), [&link](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case IFLA_IFNAME:
                link.ifname = mnl_attr_get_str(attribute);
                break;
            case IFLA_MTU:
                link.mtu_bytes = mnl_attr_get_u32(attribute);
                break;
            case IFLA_CARRIER:
                link.carrier = mnl_attr_get_u8(attribute) != 0;
                break;
            case IFLA_LINKINFO:
                link.kind = link_kind(attribute);
                break;
            default:
                break;
        }
    });
    links_[ifindex] = std::move(link);
}

void HostMonitor::apply_address(const nlmsghdr* message) {
    const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
    const auto address = local_address(message);
    if (!address) {
        return;
    }
    if (message->nlmsg_type == RTM_NEWADDR) {
        addresses_[header->ifa_index][address.value()] = header->ifa_prefixlen;
    } else {
        addresses_[header->ifa_index].erase(address.value());
    }
}

// On a socket of its own, so that notifications and answers do not mix.
Result<void> HostMonitor::read_table(int message_type) {
    const Netlink netlink(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close);
    alignas(nlmsghdr) std::array<char, buffer_bytes> buffer{};
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = static_cast<__u16>(message_type);
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = 1;
    mnl_nlmsg_put_extra_header(request, std::max(sizeof(ifinfomsg), sizeof(ifaddrmsg)));
    if (!netlink || mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_sendto(netlink.get(), request, request->nlmsg_len) < 0) {
        return Error{errno, "cannot ask rtnetlink"};
    }
    int state = MNL_CB_OK;
    while (state == MNL_CB_OK) {
        const ssize_t length = mnl_socket_recvfrom(netlink.get(), buffer.data(), buffer.size());
        state = length < 0 ? MNL_CB_ERROR
                           : mnl_cb_run(buffer.data(), static_cast<std::size_t>(length), 1,
                                        mnl_socket_get_portid(netlink.get()), apply_callback, this);
    }
    return state == MNL_CB_STOP ? Result<void>() : Error{errno, "cannot read from rtnetlink"};
}

Result<void> HostMonitor::read_all() {
    links_.clear();
    addresses_.clear();
    if (auto links = read_table(RTM_GETLINK); !links) {
        return links;
    }
    return read_table(RTM_GETADDR);
}

Result<void> HostMonitor::update() {
    alignas(nlmsghdr) std::array<char, buffer_bytes> buffer{};
    for (;;) {
        const ssize_t length = recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (length < 0 && errno == ENOBUFS) {
            return read_all();
        }
        if (length < 0) {
            return errno == EAGAIN || errno == EINTR ? Result<void>() : Error{errno, "cannot read from rtnetlink"};
        }
        mnl_cb_run(buffer.data(), static_cast<std::size_t>(length), 0, 0, apply_callback, this);
    }
}

std::set<in6_addr, AddressLess> HostMonitor::addresses() const {
    std::set<in6_addr, AddressLess> all;
    for (const auto& [ifindex, addresses] : addresses_) {
        for (const auto& [address, prefix_len] : addresses) {
            all.insert(address);
        }
    }
    return all;
}

std::map<in6_addr, alpine_address_use, AddressLess> HostMonitor::address_uses() const {
    std::map<in6_addr, alpine_address_use, AddressLess> uses;
    for (const auto& [ifindex, addresses] : addresses_) {
        for (const auto& [address, prefix_len] : addresses) {
            if (IN6_IS_ADDR_V4MAPPED(&address) != 0 && prefix_len < 31) {  // fib_add_ifaddr(), net/ipv4/fib_frontend.c
                uses.try_emplace(broadcast_of(address, prefix_len), alpine_address_use{ifindex, 1});
            }
        }
    }
    for (const auto& [ifindex, addresses] : addresses_) {
        for (const auto& [address, prefix_len] : addresses) {
            uses[address] = {ifindex, 0};
        }
    }
    return uses;
}

unsigned HostMonitor::mtu_bytes() const {
    unsigned largest = 0;
    for (const auto& [ifindex, link] : links_) {
        if (link.up && !link.loopback && link.kind != "tun") {
            largest = std::max(largest, link.mtu_bytes);
        }
    }
    return largest != 0 ? largest : default_mtu_bytes;
}

}  // namespace alp::proxy
