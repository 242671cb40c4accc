// SPDX-License-Identifier: GPL-2.0
#include "tests/fuzz/sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace alp::fuzz {
namespace {

UniqueFd socket_of(int family, int type, int protocol = 0) {
    return UniqueFd(::socket(family, type | SOCK_CLOEXEC, protocol));
}

sockaddr_storage any_address(int family, std::uint16_t port_be = 0) {
    sockaddr_storage address{};
    address.ss_family = static_cast<sa_family_t>(family);
    reinterpret_cast<sockaddr_in&>(address).sin_port = port_be;  // sin6_port lies there, too
    return address;
}

UniqueFd bound(UniqueFd socket, int family, std::uint16_t port_be = 0) {
    const auto address = any_address(family, port_be);
    const socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
        socket.reset();
    }
    return socket;
}

void set(const UniqueFd& socket, int level, int option, int value) {
    ::setsockopt(socket.get(), level, option, &value, sizeof(value));
}

std::uint16_t port_of(int socket) {
    sockaddr_storage name{};
    socklen_t length = sizeof(name);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length);
    return reinterpret_cast<sockaddr_in&>(name).sin_port;
}

bool connect_to(int socket, sa_family_t family) {
    sockaddr_in somewhere{};
    somewhere.sin_family = family;
    somewhere.sin_port = htons(9);
    somewhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&somewhere), sizeof(somewhere)) == 0;
}

UniqueFd udp6(bool dual) {
    UniqueFd made = socket_of(AF_INET6, SOCK_DGRAM);
    set(made, IPPROTO_IPV6, IPV6_V6ONLY, dual ? 0 : 1);
    return bound(std::move(made), AF_INET6);
}

UniqueFd tcp4(std::uint16_t port_be) {
    UniqueFd made = socket_of(AF_INET, SOCK_STREAM);
    set(made, SOL_SOCKET, SO_REUSEPORT, 1);
    return bound(std::move(made), AF_INET, port_be);
}

}  // namespace

UniqueFd Sockets::make(Kind kind) {
    UniqueFd made;
    switch (kind) {
        case Kind::udp4_bound:
            return bound(socket_of(AF_INET, SOCK_DGRAM), AF_INET);
        case Kind::udp6_bound:
        case Kind::udp6_bound_dual:
            return udp6(kind == Kind::udp6_bound_dual);
        case Kind::tcp4_bound:
            return tcp4(0);
        case Kind::tcp4_bound_again:
            return tcp4(port_of(get(Kind::tcp4_bound)));
        case Kind::ping_bound:
            return bound(socket_of(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), AF_INET);
        case Kind::udp4_unbound:
            return socket_of(AF_INET, SOCK_DGRAM);
        case Kind::tcp4_unbound:
            return socket_of(AF_INET, SOCK_STREAM);
        case Kind::tcp4_listening:
            made = bound(socket_of(AF_INET, SOCK_STREAM), AF_INET);
            ::listen(made.get(), 1);
            return made;
        case Kind::udp4_connected:
            made = bound(socket_of(AF_INET, SOCK_DGRAM), AF_INET);
            return connect_to(made.get(), AF_INET) ? std::move(made) : UniqueFd();
        case Kind::raw4:
            return socket_of(AF_INET, SOCK_RAW, IPPROTO_UDP);
        case Kind::packet_like:
            return socket_of(AF_NETLINK, SOCK_RAW);
        case Kind::unix_stream:
            return socket_of(AF_UNIX, SOCK_STREAM);
        case Kind::file:
            return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
        case Kind::event:
            return UniqueFd(::eventfd(0, EFD_CLOEXEC));
        default:
            return made;
    }
}

int Sockets::get(Kind kind) {
    auto& made = made_[static_cast<std::size_t>(kind)];
    if (!made) {
        made = make(kind);
    }
    return made->get();
}

std::optional<Proof> Sockets::proof_of(Kind kind) {
    if (get(kind) < 0 || (kind == Kind::udp4_bound && given_back_)) {
        return std::nullopt;
    }
    switch (kind) {
        case Kind::udp4_bound:
        case Kind::udp6_bound:
        case Kind::udp6_bound_dual:
            return Proof{IPPROTO_UDP, port_of(get(kind))};
        case Kind::tcp4_bound:
        case Kind::tcp4_bound_again:
            return Proof{IPPROTO_TCP, port_of(get(kind))};
        case Kind::ping_bound:
            return Proof{IPPROTO_ICMP, port_of(get(kind))};
        default:
            return std::nullopt;
    }
}

void Sockets::give_back_port() {
    const int socket = get(Kind::udp4_bound);
    const std::uint16_t port_be = port_of(socket);
    if (port_be != 0 && connect_to(socket, AF_INET) && connect_to(socket, AF_UNSPEC)) {
        given_back_ = port_be;
    }
}

}  // namespace alp::fuzz
