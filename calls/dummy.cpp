// SPDX-License-Identifier: GPL-2.0
#include "calls/dummy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/raw_syscall.h"
#include "calls/stack_call.h"

namespace alp::calls {

namespace {

constexpr int kSockDccp = 6; /* SOCK_DCCP: not in every libc */

/// The transport a socket will speak, 0 for none with ports.
int transport_of(int family, int type, int protocol) {
    if (family != AF_INET && family != AF_INET6) {
        return 0;
    }
    switch (type) {
        case SOCK_STREAM:
            return protocol == 0 || protocol == IPPROTO_MPTCP ? IPPROTO_TCP : protocol;
        case SOCK_DGRAM:
            return protocol == 0 ? IPPROTO_UDP : protocol;
        case SOCK_SEQPACKET:
            return protocol == 0 ? IPPROTO_SCTP : protocol;
        case kSockDccp:
            return IPPROTO_DCCP;
        default:
            return 0;
    }
}

/// A datagram socket of ICMP sends echo requests, and its port is their id (icmp(7), net/ipv4/ping.c).
bool is_echo(int transport) { return transport == IPPROTO_ICMP || transport == IPPROTO_ICMPV6; }

bool has_ports(int transport) {
    return transport == IPPROTO_TCP || transport == IPPROTO_UDP || transport == IPPROTO_UDPLITE ||
           transport == IPPROTO_SCTP || transport == IPPROTO_DCCP || is_echo(transport);
}

/// Options by which the host judges a bind().
bool decides_bind(int level, int option) {
    switch (level) {
        case SOL_SOCKET:
            return option == SO_REUSEADDR || option == SO_REUSEPORT;
        case IPPROTO_IP:
            return option == IP_FREEBIND || option == IP_TRANSPARENT;
        case IPPROTO_IPV6:
            return option == IPV6_V6ONLY || option == IPV6_FREEBIND || option == IPV6_TRANSPARENT;
        default:
            return false;
    }
}

struct Option {
    int level;
    int name;
};

constexpr Option kMirrored[] = {
    {SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_REUSEPORT},    {IPPROTO_IPV6, IPV6_V6ONLY},
    {IPPROTO_IP, IP_FREEBIND},  {IPPROTO_IPV6, IPV6_FREEBIND},
};

}  // namespace

bool belongs_to_stack(int family, int protocol) {
    switch (family) {
        case AF_INET:
        case AF_INET6:
        case AF_PACKET:
            return true;
        case AF_NETLINK:
            return protocol == NETLINK_ROUTE || protocol == NETLINK_SOCK_DIAG || protocol == NETLINK_XFRM ||
                   protocol == NETLINK_FIB_LOOKUP || protocol == NETLINK_NETFILTER || protocol == NETLINK_GENERIC;
        default:
            return false;
    }
}

void describe(OpenFile& file, int family, int type, int protocol) {
    const int transport = transport_of(family, type, protocol);
    file.family = static_cast<std::uint16_t>(family);
    file.type = static_cast<std::uint16_t>(type);
    file.protocol = transport != 0 ? transport : protocol;
    file.ports = has_ports(transport);
    file.sigpipe = type == SOCK_STREAM || transport == IPPROTO_SCTP;
}

long make_dummy(OpenFile& file, bool close_on_exec) {
    const int flags = close_on_exec ? SOCK_CLOEXEC : 0;
    if (file.ports) {
        const long dummy = raw_syscall(SYS_socket, file.family, file.type | flags, file.protocol);
        if (dummy >= 0) {
            file.host_bindable = true;
            return dummy;
        }
    }
    return raw_syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | flags, 0);
}

void silence_dummy(int fd, const OpenFile& file) {
    if (file.type == SOCK_DGRAM) {
        silence_holder(fd);
    }
}

void silence_holder(int fd) {
    sock_filter nothing{BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog filter{1, &nothing};
    const int off = 0;
    raw_syscall(SYS_setsockopt, fd, IPPROTO_IP, IP_MULTICAST_ALL, arg(&off), sizeof(off));
    raw_syscall(SYS_setsockopt, fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, arg(&off), sizeof(off));
    raw_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_ATTACH_FILTER, arg(&filter), sizeof(filter));
}

void replace_dummy(int fd, OpenFile& file) {
    const bool close_on_exec = (raw_syscall(SYS_fcntl, fd, F_GETFD) & FD_CLOEXEC) != 0;
    const long fresh = make_dummy(file, true);
    if (fresh < 0) {
        return;  // the old one stays: it keeps the number, and its port until it is closed
    }
    for (const Option& option : kMirrored) {
        unsigned value = 0;
        socklen_t len = sizeof(value);
        if (raw_syscall(SYS_getsockopt, fd, option.level, option.name, arg(&value), arg(&len)) == 0) {
            raw_syscall(SYS_setsockopt, fresh, option.level, option.name, arg(&value), len);
        }
    }
    raw_syscall(SYS_dup3, fresh, fd, close_on_exec ? O_CLOEXEC : 0);
    raw_syscall(SYS_close, fresh);
}

void mirror_option(int fd, int level, int option, const void* value, unsigned len) {
    if (decides_bind(level, option)) {
        raw_syscall(SYS_setsockopt, fd, level, option, arg(value), len);
    }
}

}  // namespace alp::calls
