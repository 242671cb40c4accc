// SPDX-License-Identifier: GPL-2.0
// A datagram to a closed port: the ICMP error that comes back is ECONNREFUSED for a connected socket, and with
// IP_RECVERR an entry of the error queue that tells who said what about which datagram. IPv4 and IPv6.
// errqueue.h needs time.h and does not say so.
// clang-format off
#include <time.h>
#include <linux/errqueue.h>
// clang-format on
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <poll.h>

#include <initializer_list>

#include "check.h"

/// A port of this family nobody listens on, as an address on loopback.
static socklen_t closed_port(int family, sockaddr_storage& address) {
    socklen_t len = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    address = sockaddr_storage{};
    if (family == AF_INET) {
        reinterpret_cast<sockaddr_in&>(address) = loopback();
    } else {
        reinterpret_cast<sockaddr_in6&>(address).sin6_family = AF_INET6;
        reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
    }
    const int fd = socket(family, SOCK_DGRAM, 0);
    CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), len) == 0);
    CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &len) == 0);
    close(fd);
    return len;
}

static void await_error(int fd) {
    pollfd entry{fd, 0, 0};
    CHECK(poll(&entry, 1, 2000) == 1 && entry.revents == POLLERR);
}

static void plain(int family) {
    sockaddr_storage address;
    const socklen_t len = closed_port(family, address);
    const int fd = socket(family, SOCK_DGRAM, 0);
    CHECK(connect(fd, reinterpret_cast<sockaddr*>(&address), len) == 0);
    CHECK(send(fd, "x", 1, 0) == 1);
    await_error(fd);
    CHECK_FAILS(send(fd, "y", 1, 0), ECONNREFUSED);
    char byte;
    CHECK_FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);  // told once
    CHECK(send(fd, "z", 1, 0) == 1);
    CHECK_FAILS(recv(fd, &byte, 1, 0), ECONNREFUSED);
    CHECK(send(fd, "z", 1, 0) == 1);
    await_error(fd);
    CHECK(option_of(fd, SOL_SOCKET, SO_ERROR) == ECONNREFUSED && option_of(fd, SOL_SOCKET, SO_ERROR) == 0);
    close(fd);
}

static void queued(int family) {
    const bool four = family == AF_INET;
    sockaddr_storage address;
    const socklen_t len = closed_port(family, address);
    const int fd = socket(family, SOCK_DGRAM, 0);
    set_option(fd, four ? int{IPPROTO_IP} : int{IPPROTO_IPV6}, four ? IP_RECVERR : IPV6_RECVERR, 1);
    CHECK(sendto(fd, "lost", 4, 0, reinterpret_cast<sockaddr*>(&address), len) == 4);
    await_error(fd);

    char payload[16], control[512];
    iovec vector{payload, sizeof(payload)};
    sockaddr_storage about{};
    msghdr message{};
    message.msg_name = &about;
    message.msg_namelen = sizeof(about);
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    CHECK(recvmsg(fd, &message, MSG_ERRQUEUE) == 4 && memcmp(payload, "lost", 4) == 0);
    CHECK((message.msg_flags & MSG_ERRQUEUE) != 0);
    CHECK(message.msg_namelen == len);
    CHECK(reinterpret_cast<sockaddr_in&>(about).sin_port == reinterpret_cast<sockaddr_in&>(address).sin_port);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    CHECK(header != nullptr && header->cmsg_level == (four ? IPPROTO_IP : IPPROTO_IPV6));
    CHECK(header->cmsg_type == (four ? IP_RECVERR : IPV6_RECVERR));
    sock_extended_err error;
    memcpy(&error, CMSG_DATA(header), sizeof(error));
    CHECK(error.ee_errno == ECONNREFUSED && error.ee_origin == (four ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6));
    CHECK(error.ee_type == (four ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH));
    CHECK(error.ee_code == (four ? ICMP_PORT_UNREACH : ICMPV6_PORT_UNREACH));
    message.msg_controllen = sizeof(control);
    CHECK_FAILS(recvmsg(fd, &message, MSG_ERRQUEUE), EAGAIN);
    close(fd);
}

int main() {
    for (const int family : {AF_INET, AF_INET6}) {
        plain(family);
        queued(family);
    }
}
