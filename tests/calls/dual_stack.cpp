// SPDX-License-Identifier: GPL-2.0
// IPv6 sockets: ::1, an IPv4 client as a mapped address, IPV6_V6ONLY, which lets both families have one port.
#include "check.h"

static sockaddr_in6 address6(const in6_addr& address, in_port_t port_be) {
    sockaddr_in6 result{};
    result.sin6_family = AF_INET6;
    result.sin6_addr = address;
    result.sin6_port = port_be;
    return result;
}

static const sockaddr* generic(const sockaddr_in6& address) { return reinterpret_cast<const sockaddr*>(&address); }

static in_port_t port_of(int fd) {
    sockaddr_in6 name{};
    socklen_t len = sizeof(name);
    CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&name), &len) == 0 && len == sizeof(name));
    return name.sin6_port;
}

static void talk(int client, int server) {
    char byte = 0;
    CHECK(write(client, "6", 1) == 1 && read(server, &byte, 1) == 1 && byte == '6');
    CHECK(write(server, "7", 1) == 1 && read(client, &byte, 1) == 1 && byte == '7');
}

int main() {
    const int both = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(option_of(both, IPPROTO_IPV6, IPV6_V6ONLY) == 0);
    sockaddr_in6 any = address6(in6addr_any, 0);
    CHECK(bind(both, generic(any), sizeof(any)) == 0 && listen(both, 8) == 0);
    const in_port_t port = port_of(both);

    const int six = socket(AF_INET6, SOCK_STREAM, 0);
    const sockaddr_in6 local = address6(in6addr_loopback, port);
    CHECK(connect(six, generic(local), sizeof(local)) == 0);
    sockaddr_in6 peer{};
    socklen_t len = sizeof(peer);
    int server = accept(both, reinterpret_cast<sockaddr*>(&peer), &len);
    CHECK(server >= 0 && IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr) && len == sizeof(peer));
    talk(six, server);

    const int four = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in local4 = loopback(ntohs(port));
    CHECK(connect(four, generic(local4), sizeof(local4)) == 0);
    len = sizeof(peer);
    server = accept(both, reinterpret_cast<sockaddr*>(&peer), &len);
    CHECK(server >= 0 && IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr) && peer.sin6_addr.s6_addr[12] == 127);
    talk(four, server);

    // The other way round: an IPv6 socket connects to a mapped address.
    const int listening4 = listener();
    in6_addr mapped{};
    CHECK(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped) == 1);
    const sockaddr_in6 to_four = address6(mapped, name_of(listening4).sin_port);
    const int mapper = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(connect(mapper, generic(to_four), sizeof(to_four)) == 0);
    talk(mapper, accept(listening4, nullptr, nullptr));

    const int only = socket(AF_INET6, SOCK_STREAM, 0);
    set_option(only, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    CHECK(bind(only, generic(any), sizeof(any)) == 0 && listen(only, 8) == 0);
    const in_port_t shared = port_of(only);
    const int beside = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in any4 = loopback(ntohs(shared));
    any4.sin_addr.s_addr = htonl(INADDR_ANY);
    CHECK(bind(beside, generic(any4), sizeof(any4)) == 0);  // the IPv4 half of the port is free
    const int refused = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in to_shared = loopback(ntohs(shared));
    CHECK_FAILS(connect(refused, generic(to_shared), sizeof(to_shared)), ECONNREFUSED);
    const int unreachable = socket(AF_INET6, SOCK_STREAM, 0);
    set_option(unreachable, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    CHECK_FAILS(connect(unreachable, generic(to_four), sizeof(to_four)), ENETUNREACH);
}
