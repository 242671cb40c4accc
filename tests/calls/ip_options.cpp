// SPDX-License-Identifier: GPL-2.0
// IPPROTO_IP and IPPROTO_IPV6 options: defaults, what they keep, what they refuse, on sockets of both families.
#include <initializer_list>

#include "check.h"

static void keeps(int fd, int level, int option, int value) {
    set_option(fd, level, option, value);
    CHECK(option_of(fd, level, option) == value);
}

static void refuses(int fd, int level, int option, int value, int error) {
    CHECK_FAILS(setsockopt(fd, level, option, &value, sizeof(value)), error);
}

static void version4(int type) {
    const int fd = socket(AF_INET, type, 0);
    CHECK(option_of(fd, IPPROTO_IP, IP_TOS) == 0 && option_of(fd, IPPROTO_IP, IP_TTL) == 64);
    keeps(fd, IPPROTO_IP, IP_TOS, 0x28);
    keeps(fd, IPPROTO_IP, IP_TTL, 9);
    set_option(fd, IPPROTO_IP, IP_TTL, -1);
    CHECK(option_of(fd, IPPROTO_IP, IP_TTL) == 64);
    refuses(fd, IPPROTO_IP, IP_TTL, 256, EINVAL);
    keeps(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    keeps(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    refuses(fd, IPPROTO_IP, IP_MTU_DISCOVER, 77, EINVAL);
    for (const int option :
         {IP_RECVERR, IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_FREEBIND, IP_BIND_ADDRESS_NO_PORT, IP_RECVORIGDSTADDR}) {
        keeps(fd, IPPROTO_IP, option, 1);
        keeps(fd, IPPROTO_IP, option, 0);
    }
    const unsigned char byte = 0x10;  // one byte will do
    CHECK(setsockopt(fd, IPPROTO_IP, IP_TOS, &byte, 1) == 0 && option_of(fd, IPPROTO_IP, IP_TOS) == 0x10);
    refuses(fd, IPPROTO_IP, 240, 1, ENOPROTOOPT);
    refuses(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, ENOPROTOOPT);
    int value;
    socklen_t len = sizeof(value);
    CHECK_FAILS(getsockopt(fd, IPPROTO_IP, IP_MTU, &value, &len), ENOTCONN);
    CHECK_FAILS(getsockopt(fd, 9999, 1, &value, &len), EOPNOTSUPP);
    close(fd);
}

static void multicast() {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(option_of(fd, IPPROTO_IP, IP_MULTICAST_TTL) == 1 && option_of(fd, IPPROTO_IP, IP_MULTICAST_LOOP) == 1);
    keeps(fd, IPPROTO_IP, IP_MULTICAST_TTL, 5);
    keeps(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    ip_mreqn group{};
    group.imr_multiaddr.s_addr = htonl(0xe8010203);
    group.imr_ifindex = 1;
    CHECK_FAILS(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)), EADDRNOTAVAIL);
    CHECK(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) == 0);
    CHECK_FAILS(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), EADDRINUSE);
    CHECK(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)) == 0);
    group.imr_multiaddr.s_addr = htonl(0x0a010203);
    CHECK_FAILS(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), EINVAL);
    close(fd);
}

static void version6(int type) {
    const int fd = socket(AF_INET6, type, 0);
    CHECK(option_of(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS) == 64);
    keeps(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 3);
    refuses(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256, EINVAL);
    keeps(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x20);
    keeps(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    keeps(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    keeps(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    keeps(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    keeps(fd, IPPROTO_IP, IP_TOS, 0x08);  // for its mapped traffic
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    refuses(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, EINVAL);  // too late
    close(fd);
}

int main() {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        version4(type);
        version6(type);
    }
    multicast();
    const Pair pair;
    CHECK(option_of(pair.client, IPPROTO_IP, IP_MTU) == 65535);
}
