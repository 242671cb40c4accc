// SPDX-License-Identifier: GPL-2.0
// What a program, a tool or a protocol developer expects to find in the stack, and what it must not find.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/syscall.h>

#include <string>

#include "tests/stack/loopback.h"

namespace alp::stack {
namespace {

constexpr int kSocket = 130;

/// A netlink request of one header, a fixed part and attributes, and its acknowledgement.
class Request {
public:
    template <typename Fixed>
    Request(int protocol, std::uint16_t type, std::uint16_t flags, const Fixed& fixed) : protocol_(protocol) {
        nlmsghdr header{};
        header.nlmsg_type = type;
        header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        append(&header, sizeof(header));
        append(&fixed, sizeof(fixed));
    }

    Request& attribute(std::uint16_t type, const std::string& value) {
        const rtattr head = {static_cast<std::uint16_t>(sizeof(rtattr) + value.size()), type};
        append(&head, sizeof(head));
        append(value.data(), value.size());
        return *this;
    }

    /// 0, or the negative errno of the kernel's answer.
    long answer() {
        reinterpret_cast<nlmsghdr*>(bytes_.data())->nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
        EXPECT_EQ(call(ALPINE_NR_socket_at, kSocket, AF_NETLINK, SOCK_RAW, protocol_), kSocket);
        const auto size = static_cast<long>(bytes_.size());
        EXPECT_EQ(call(SYS_write, kSocket, arg(bytes_.data()), size), size);
        alignas(nlmsghdr) char reply[8192];
        for (;;) {
            const long got = call(SYS_read, kSocket, arg(reply), sizeof(reply));
            const auto* header = reinterpret_cast<const nlmsghdr*>(reply);
            if (got < static_cast<long>(sizeof(*header))) {
                return got < 0 ? got : -EBADMSG;
            }
            if (header->nlmsg_type == NLMSG_ERROR) {
                return static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
            }
        }
    }

private:
    void append(const void* from, std::size_t len_bytes) {
        bytes_.append(static_cast<const char*>(from), len_bytes);
        bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    }

    int protocol_;
    std::string bytes_;
};

std::string attribute(std::uint16_t type, const std::string& value) {
    const rtattr head = {static_cast<std::uint16_t>(sizeof(rtattr) + value.size()), type};
    std::string bytes(reinterpret_cast<const char*>(&head), sizeof(head));
    bytes += value;
    bytes.resize(RTA_ALIGN(bytes.size()));
    return bytes;
}

long add_link(const std::string& kind, const std::string& data) {
    std::string info = attribute(IFLA_INFO_KIND, kind);
    if (!data.empty()) {
        info += attribute(IFLA_INFO_DATA, data);
    }
    return Request(NETLINK_ROUTE, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{})
        .attribute(IFLA_IFNAME, "new0")
        .attribute(IFLA_LINKINFO, info)
        .answer();
}

TEST(Features, EveryTaskMayDoEverything) {
    ASSERT_TRUE(start(options()).ok());
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    ASSERT_EQ(call(SYS_capget, arg(&header), arg(data)), 0);
    for (const int needed :
         {CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_SYS_ADMIN, CAP_BPF, CAP_SYS_MODULE}) {
        EXPECT_NE(data[CAP_TO_INDEX(needed)].effective & CAP_TO_MASK(needed), 0U) << needed;
    }
}

TEST(Features, BootsWithTheLoopbackAlone) {
    ASSERT_TRUE(start(options()).ok());
    ASSERT_EQ(call(ALPINE_NR_socket_at, kSocket, AF_INET, SOCK_DGRAM, 0), kSocket);
    ifreq request{};
    for (request.ifr_ifindex = 2; request.ifr_ifindex < 20; ++request.ifr_ifindex) {
        EXPECT_EQ(call(SYS_ioctl, kSocket, SIOCGIFNAME, arg(&request)), -ENODEV) << request.ifr_name;
    }
}

TEST(Features, EchoSocketIsAnswered) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    ASSERT_EQ(call(ALPINE_NR_socket_at, kSocket, AF_INET, SOCK_DGRAM, IPPROTO_ICMP), kSocket);
    const sockaddr_in to = loopback(0);
    ASSERT_EQ(call(SYS_connect, kSocket, arg(&to), sizeof(to)), 0);
    icmphdr echo{};
    echo.type = ICMP_ECHO;
    echo.un.echo.sequence = htons(7);
    ASSERT_EQ(call(SYS_write, kSocket, arg(&echo), sizeof(echo)), static_cast<long>(sizeof(echo)));
    icmphdr reply{};
    ASSERT_EQ(call(SYS_read, kSocket, arg(&reply), sizeof(reply)), static_cast<long>(sizeof(reply)));
    EXPECT_EQ(reply.type, ICMP_ECHOREPLY);
    EXPECT_EQ(reply.un.echo.sequence, htons(7));
}

struct Protocol {
    const char* name;
    int family;
    int type;
    int number;
};

class Protocols : public testing::TestWithParam<Protocol> {};

TEST_P(Protocols, HaveSockets) {
    ASSERT_TRUE(start(options()).ok());
    const Protocol& protocol = GetParam();
    EXPECT_EQ(call(ALPINE_NR_socket_at, kSocket, protocol.family, protocol.type, protocol.number), kSocket);
}

INSTANTIATE_TEST_SUITE_P(All, Protocols,
                         testing::Values(Protocol{"udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
                                         Protocol{"udplite6", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE},
                                         Protocol{"sctp", AF_INET, SOCK_STREAM, IPPROTO_SCTP},
                                         Protocol{"dccp", AF_INET, SOCK_DCCP, IPPROTO_DCCP},
                                         Protocol{"mptcp", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP},
                                         Protocol{"ping6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6},
                                         Protocol{"raw", AF_INET, SOCK_RAW, IPPROTO_ICMP},
                                         Protocol{"packet", AF_PACKET, SOCK_RAW, 0},
                                         Protocol{"xfrm", AF_NETLINK, SOCK_RAW, NETLINK_XFRM},
                                         Protocol{"netfilter", AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER}),
                         [](const auto& info) { return std::string(info.param.name); });

class LinkKinds : public testing::TestWithParam<const char*> {};

TEST_P(LinkKinds, CanBeMade) {
    ASSERT_TRUE(start(options()).ok());
    const std::string kind = GetParam();
    std::string data;
    if (kind == "vxlan" || kind == "geneve") {
        constexpr std::uint16_t kNumberAttribute = 1;  // IFLA_VXLAN_ID, IFLA_GENEVE_ID
        const std::uint32_t number = 42;
        data = attribute(kNumberAttribute, std::string(reinterpret_cast<const char*>(&number), sizeof(number)));
        if (kind == "geneve") {
            constexpr std::uint16_t kRemoteAttribute = 2;  // IFLA_GENEVE_REMOTE
            data += attribute(kRemoteAttribute, std::string("\x0a\x00\x00\x01", 4));
        }
    } else if (kind == "vrf") {
        constexpr std::uint16_t kTableAttribute = 1;  // IFLA_VRF_TABLE
        data = attribute(kTableAttribute, std::string("\x0a\x00\x00\x00", 4));
    } else if (kind == "xfrm") {
        constexpr std::uint16_t kIdAttribute = 2;  // IFLA_XFRM_IF_ID
        data = attribute(kIdAttribute, std::string("\x01\x00\x00\x00", 4));
    }
    EXPECT_EQ(add_link(kind, data), 0);
}

INSTANTIATE_TEST_SUITE_P(All, LinkKinds,
                         testing::Values("bridge", "dummy", "geneve", "gre", "gretap", "ifb", "ip6gre", "ip6tnl",
                                         "ipip", "nlmon", "sit", "veth", "vrf", "vti", "vxlan", "wireguard", "xfrm"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Features, EthtoolSpeaksNetlinkAndIoctl) {
    ASSERT_TRUE(start(options()).ok());
    const genlmsghdr get_family = {CTRL_CMD_GETFAMILY, 1, 0};
    EXPECT_EQ(Request(NETLINK_GENERIC, GENL_ID_CTRL, 0, get_family)
                  .attribute(CTRL_ATTR_FAMILY_NAME, std::string("ethtool\0", 8))
                  .answer(),
              0);
    ASSERT_EQ(call(ALPINE_NR_socket_at, kSocket, AF_INET, SOCK_DGRAM, 0), kSocket);
    ethtool_value value = {ETHTOOL_GTSO, 0};
    ifreq request{};
    strcpy(request.ifr_name, "lo");
    request.ifr_data = reinterpret_cast<char*>(&value);
    EXPECT_EQ(call(SYS_ioctl, kSocket, SIOCETHTOOL, arg(&request)), 0);
    EXPECT_EQ(value.data, 1U);
}

TEST(Features, SocketsKnowTheirNetworkNamespace) {
    ASSERT_TRUE(start(options()).ok());
    ASSERT_EQ(call(ALPINE_NR_socket_at, kSocket, AF_INET, SOCK_DGRAM, 0), kSocket);
    constexpr int kNetnsCookie = 71;  // SO_NETNS_COOKIE
    std::uint64_t cookie = 0;
    socklen_t len = sizeof(cookie);
    EXPECT_EQ(call(SYS_getsockopt, kSocket, SOL_SOCKET, kNetnsCookie, arg(&cookie), arg(&len)), 0);
    EXPECT_NE(cookie, 0U);
}

}  // namespace
}  // namespace alp::stack
