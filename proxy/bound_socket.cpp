// SPDX-License-Identifier: GPL-2.0
#include "proxy/bound_socket.h"

#include <asm/socket.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/endpoint.h"

namespace alp::proxy {
namespace {

template <typename T>
Result<T> socket_option(int socket, int level, int name, const char* what) {
    T value{};
    socklen_t length = sizeof(value);
    if (getsockopt(socket, level, name, &value, &length) != 0) {
        return Error{errno, what};
    }
    return value;
}

/// Asked of the socket layer alone (no fstat()), which no strange file system can keep waiting.
Result<int> internet_family(int socket) {
    auto family = socket_option<int>(socket, SOL_SOCKET, SO_DOMAIN, "the descriptor is not a socket");
    if (!family) {
        return Error{EBADF, family.error().context};
    }
    if (family.value() != AF_INET && family.value() != AF_INET6) {
        return Error{EAFNOSUPPORT, "the socket is of neither IPv4 nor IPv6"};
    }
    return family;
}

Result<void> check_netns(int socket, std::uint64_t own_netns) {
    const auto cookie = netns_cookie(socket);
    if (!cookie) {
        return cookie.error();
    }
    if (cookie.value() != own_netns) {
        return Error{EXDEV, "the socket belongs to another network namespace than alpined"};
    }
    return {};
}

/// The protocol as it stands in packets.
Result<std::uint8_t> wire_protocol(int socket) {
    const auto type = socket_option<int>(socket, SOL_SOCKET, SO_TYPE, "type of the socket");
    const auto protocol = socket_option<int>(socket, SOL_SOCKET, SO_PROTOCOL, "protocol of the socket");
    if (!type || !protocol) {
        return type ? protocol.error() : type.error();
    }
    switch (type.value() == SOCK_RAW ? IPPROTO_RAW : protocol.value()) {
        case IPPROTO_MPTCP:
            return std::uint8_t{IPPROTO_TCP};
        case IPPROTO_TCP:
        case IPPROTO_UDP:
        case IPPROTO_UDPLITE:
        case IPPROTO_SCTP:
        case IPPROTO_DCCP:
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            return static_cast<std::uint8_t>(protocol.value());
        default:
            return Error{EPROTONOSUPPORT, "sockets of this protocol are not steered"};
    }
}

Result<void> check_unconnected(int socket) {
    sockaddr_storage peer{};
    socklen_t length = sizeof(peer);
    const auto listening = socket_option<int>(socket, SOL_SOCKET, SO_ACCEPTCONN, "state of the socket");
    const bool connected = getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
    if (connected || !listening || listening.value() != 0) {
        return Error{EISCONN, "the socket is connected or listening: only a bound one proves its port"};
    }
    return {};
}

int socket_type(std::uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
        case IPPROTO_SCTP:
            return SOCK_STREAM;
        case IPPROTO_DCCP:
            return SOCK_DCCP;
        default:
            return SOCK_DGRAM;
    }
}

alpine_endpoint endpoint_v4(const sockaddr_in& name, std::uint8_t protocol) {
    return {make_key(protocol, v4_mapped(name.sin_addr), name.sin_port), 0};
}

Result<alpine_endpoint> endpoint_v6(int socket, const sockaddr_in6& name, std::uint8_t protocol) {
    const auto v6_only = socket_option<int>(socket, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY of the socket");
    if (!v6_only) {
        return v6_only.error();
    }
    const bool dual = IN6_IS_ADDR_UNSPECIFIED(&name.sin6_addr) && v6_only.value() == 0 && protocol != IPPROTO_ICMPV6;
    return alpine_endpoint{make_key(protocol, name.sin6_addr, name.sin6_port), dual ? ALPINE_ENDPOINT_DUAL : 0};
}

Result<alpine_endpoint> bound_endpoint(int socket, int family, std::uint8_t protocol) {
    sockaddr_storage name{};
    socklen_t length = sizeof(name);
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length) != 0) {
        return Error{errno, "name of the socket"};
    }
    auto endpoint = family == AF_INET
                        ? Result<alpine_endpoint>(endpoint_v4(reinterpret_cast<sockaddr_in&>(name), protocol))
                        : endpoint_v6(socket, reinterpret_cast<sockaddr_in6&>(name), protocol);
    if (endpoint && endpoint.value().key.port_be == 0) {
        return Error{EINVAL, "the socket is not bound to a port"};
    }
    return endpoint;
}

/// The host's kernel spreads an endpoint only over sockets of one user, and a socket's user is its file's.
void share_as(int socket, const Sharing& sharing, bool is_stream) {
    const int on = 1;
    if (sharing.reuse_port && fchown(socket, sharing.uid, static_cast<gid_t>(-1)) == 0) {
        setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    }
    if (sharing.reuse_address && !is_stream) {
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
}

}  // namespace

Result<std::uint64_t> netns_cookie(int socket) {
    return socket_option<std::uint64_t>(socket, SOL_SOCKET, SO_NETNS_COOKIE, "network namespace of the socket");
}

Result<alpine_endpoint> endpoint_of_socket(int socket) {
    const auto family = internet_family(socket);
    if (!family) {
        return family.error();
    }
    const auto protocol = wire_protocol(socket);
    if (!protocol) {
        return protocol.error();
    }
    return bound_endpoint(socket, family.value(), protocol.value());
}

Result<alpine_endpoint> inspect_held_socket(int socket, std::uint64_t own_netns) {
    const auto family = internet_family(socket);
    if (!family) {
        return family.error();
    }
    if (auto netns = check_netns(socket, own_netns); !netns) {
        return netns.error();
    }
    return endpoint_of_socket(socket);
}

Result<alpine_endpoint> inspect_bound_socket(int socket, std::uint64_t own_netns) {
    auto endpoint = inspect_held_socket(socket, own_netns);
    if (!endpoint) {
        return endpoint;
    }
    if (auto unconnected = check_unconnected(socket); !unconnected) {
        return unconnected.error();
    }
    if (!holds_port(socket)) {
        return Error{EINVAL, "the socket does not hold its port"};
    }
    return endpoint;
}

// A socket that holds its port refuses a second bind() with EINVAL. One that merely remembers the number (a
// connection that was reset) does not: whatever this then does to it, it is no good for a claim.
bool holds_port(int socket) {
    const auto family = internet_family(socket);
    if (!family) {
        return false;
    }
    sockaddr_storage any{};
    any.ss_family = static_cast<sa_family_t>(family.value());
    const socklen_t length = family.value() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    return bind(socket, reinterpret_cast<sockaddr*>(&any), length) != 0 && errno == EINVAL;
}

Sharing sharing_of(int socket, uid_t uid) {
    const auto is_set = [socket](int option) {
        const auto value = socket_option<int>(socket, SOL_SOCKET, option, "how the socket is shared");
        return value && value.value() != 0;
    };
    return {is_set(SO_REUSEPORT), is_set(SO_REUSEADDR), uid};
}

void take_nothing_in(int socket) {
    sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog filter{1, &nothing};
    setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

UniqueFd hold_port(const alpine_endpoint& endpoint, const Sharing& sharing) {
    const alpine_flow_key& key = endpoint.key;
    if (!has_ports(key.protocol)) {
        return {};
    }
    in6_addr address{};
    std::memcpy(&address, key.addr, sizeof(address));
    const bool v4 = IN6_IS_ADDR_V4MAPPED(&address) != 0;
    UniqueFd holder(socket(v4 ? AF_INET : AF_INET6, socket_type(key.protocol) | SOCK_CLOEXEC, key.protocol));
    if (!holder.valid()) {
        return holder;
    }
    share_as(holder.get(), sharing, socket_type(key.protocol) != SOCK_DGRAM);
    take_nothing_in(holder.get());
    const int v6_only = (endpoint.flags & ALPINE_ENDPOINT_DUAL) == 0 ? 1 : 0;
    sockaddr_in6 name{};
    socklen_t length = sizeof(name);
    if (v4) {
        auto& name4 = reinterpret_cast<sockaddr_in&>(name);
        name4.sin_family = AF_INET;
        name4.sin_port = key.port_be;
        std::memcpy(&name4.sin_addr, key.addr + 12, sizeof(name4.sin_addr));
        length = sizeof(name4);
    } else {
        name.sin6_family = AF_INET6;
        name.sin6_port = key.port_be;
        name.sin6_addr = address;
        setsockopt(holder.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    }
    if (bind(holder.get(), reinterpret_cast<sockaddr*>(&name), length) != 0) {
        holder.reset();
    }
    return holder;
}

bool host_has_transport(std::uint8_t protocol) {
    return UniqueFd(socket(AF_INET, socket_type(protocol) | SOCK_CLOEXEC, protocol)).valid();
}

}  // namespace alp::proxy
