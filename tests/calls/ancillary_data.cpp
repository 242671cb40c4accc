// SPDX-License-Identifier: GPL-2.0
// Control messages: where a datagram came to, with which TTL, TOS and time; sent along to set them; cut when there is
// no room; over IPv4 and IPv6.
#include <time.h>

#include <initializer_list>

#include "check.h"

struct Received {
    char control[256];
    msghdr message;

    explicit Received(int fd, size_t room = 256) : control{}, message{} {
        static char bytes[16];
        static iovec vector{bytes, sizeof(bytes)};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = room;
        CHECK(recvmsg(fd, &message, 0) == 1);
    }

    /// The payload of one control message, which must be there.
    template <typename T>
    T get(int level, int type) {
        for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level == level && header->cmsg_type == type) {
                T value;
                CHECK(header->cmsg_len >= CMSG_LEN(sizeof(value)));
                memcpy(&value, CMSG_DATA(header), sizeof(value));
                return value;
            }
        }
        CHECK(!"the control message is there");
        abort();
    }
};

template <typename T>
static void send_with(int fd, const sockaddr* address, socklen_t len, int level, int type, T value) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(value))] = {};
    iovec vector{const_cast<char*>("x"), 1};
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(address);
    message.msg_namelen = len;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof(value));
    memcpy(CMSG_DATA(header), &value, sizeof(value));
    CHECK(sendmsg(fd, &message, 0) == 1);
}

static void version4() {
    const int receiver = bound(SOCK_DGRAM), sender = socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in address = name_of(receiver);
    for (const int option : {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS}) {
        set_option(receiver, IPPROTO_IP, option, 1);
    }
    set_option(receiver, SOL_SOCKET, SO_TIMESTAMP, 1);
    send_with(sender, generic(address), sizeof(address), IPPROTO_IP, IP_TTL, 17);
    Received got(receiver);
    CHECK((got.message.msg_flags & MSG_CTRUNC) == 0);
    const auto where = got.get<in_pktinfo>(IPPROTO_IP, IP_PKTINFO);
    CHECK(where.ipi_ifindex == 1 && where.ipi_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK(got.get<int>(IPPROTO_IP, IP_TTL) == 17 && got.get<unsigned char>(IPPROTO_IP, IP_TOS) == 0);
    const auto stamp = got.get<timeval>(SOL_SOCKET, SO_TIMESTAMP);
    const time_t now = time(nullptr);
    CHECK(stamp.tv_sec >= now - 5 && stamp.tv_sec <= now + 1);

    set_option(receiver, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    send_with(sender, generic(address), sizeof(address), IPPROTO_IP, IP_TOS, 0x10);
    Received second(receiver);
    CHECK(second.get<unsigned char>(IPPROTO_IP, IP_TOS) == 0x10 && second.get<int>(IPPROTO_IP, IP_TTL) == 64);
    CHECK(second.get<timespec>(SOL_SOCKET, SO_TIMESTAMPNS).tv_sec >= now - 5);

    in_pktinfo source{};
    source.ipi_spec_dst.s_addr = htonl(0x7f000005);
    send_with(sender, generic(address), sizeof(address), IPPROTO_IP, IP_PKTINFO, source);
    sockaddr_in from{};
    socklen_t len = sizeof(from);
    char byte;
    CHECK(recvfrom(receiver, &byte, 1, 0, generic(from), &len) == 1);
    CHECK(from.sin_addr.s_addr == htonl(0x7f000005));

    send_with(sender, generic(address), sizeof(address), IPPROTO_IP, IP_TTL, 3);
    const Received cut(receiver, CMSG_LEN(4));
    CHECK((cut.message.msg_flags & MSG_CTRUNC) != 0 && cut.message.msg_controllen <= CMSG_LEN(4));
}

static void version6() {
    const int receiver = socket(AF_INET6, SOCK_DGRAM, 0), sender = socket(AF_INET6, SOCK_DGRAM, 0);
    sockaddr_in6 address{};
    socklen_t len = sizeof(address);
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    auto* name = reinterpret_cast<sockaddr*>(&address);
    CHECK(bind(receiver, name, len) == 0 && getsockname(receiver, name, &len) == 0);
    for (const int option : {IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS}) {
        set_option(receiver, IPPROTO_IPV6, option, 1);
    }
    send_with(sender, name, len, IPPROTO_IPV6, IPV6_HOPLIMIT, 21);
    Received got(receiver);
    const auto where = got.get<in6_pktinfo>(IPPROTO_IPV6, IPV6_PKTINFO);
    CHECK(where.ipi6_ifindex == 1 && IN6_IS_ADDR_LOOPBACK(&where.ipi6_addr));
    CHECK(got.get<int>(IPPROTO_IPV6, IPV6_HOPLIMIT) == 21 && got.get<int>(IPPROTO_IPV6, IPV6_TCLASS) == 0);
}

/// What a control message may not say is refused, and nothing is sent.
static void refusals() {
    const int receiver = bound(SOCK_DGRAM), sender = socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in address = name_of(receiver);
    alignas(cmsghdr) char control[CMSG_SPACE(4)] = {};
    iovec vector{const_cast<char*>("x"), 1};
    msghdr message{};
    message.msg_name = const_cast<sockaddr_in*>(&address);
    message.msg_namelen = sizeof(address);
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_TTL;
    header->cmsg_len = 1;  // shorter than its own header
    CHECK_FAILS(sendmsg(sender, &message, 0), EINVAL);
    header->cmsg_len = CMSG_LEN(4);
    const int wrong = 1000;
    memcpy(CMSG_DATA(header), &wrong, sizeof(wrong));
    CHECK_FAILS(sendmsg(sender, &message, 0), EINVAL);
    char byte;
    CHECK_FAILS(recv(receiver, &byte, 1, MSG_DONTWAIT), EAGAIN);
}

int main() {
    version4();
    version6();
    refusals();
}
