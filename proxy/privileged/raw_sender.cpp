// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/raw_sender.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace alp::proxy {
namespace {

constexpr int send_buffer_bytes = 8 << 20; /* what may wait in the queues of devices */
constexpr std::size_t batch = 64;          /* packets per sendmmsg(2) */

/// IPPROTO_RAW: the IP header is ours, and nothing is ever received.
UniqueFd raw_socket(int family) {
    UniqueFd raw(socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
    const int broadcast = 1;
    setsockopt(raw.get(), SOL_SOCKET, SO_BROADCAST, &broadcast, sizeof(broadcast));
    const int bytes = send_buffer_bytes;
    if (raw.valid() && setsockopt(raw.get(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0) {
        setsockopt(raw.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    }
    return raw;
}

/// To whom, and by the route for which source address (a host may have rules for that): ip(7), ipv6(7).
struct Direction {
    sockaddr_storage to{};
    socklen_t to_bytes = 0;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    std::size_t control_bytes = 0;
};

template <typename Info>
void set_source(Direction& direction, int level, int type, const Info& info) {
    cmsghdr header{};
    header.cmsg_level = level;
    header.cmsg_type = type;
    header.cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(direction.control.data(), &header, sizeof(header));
    std::memcpy(CMSG_DATA(reinterpret_cast<cmsghdr*>(direction.control.data())), &info, sizeof(info));
    direction.control_bytes = CMSG_SPACE(sizeof(info));
}

Direction direction_v4(const std::uint8_t* header, unsigned ifindex) {
    Direction direction;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(ifindex);
    std::memcpy(&to.sin_addr, header + offsetof(iphdr, daddr), sizeof(to.sin_addr));
    std::memcpy(&info.ipi_spec_dst, header + offsetof(iphdr, saddr), sizeof(info.ipi_spec_dst));
    std::memcpy(&direction.to, &to, sizeof(to));
    direction.to_bytes = sizeof(to);
    set_source(direction, IPPROTO_IP, IP_PKTINFO, info);
    return direction;
}

Direction direction_v6(const std::uint8_t* header, unsigned ifindex) {
    Direction direction;
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    in6_pktinfo info{};
    info.ipi6_ifindex = ifindex;
    std::memcpy(&to.sin6_addr, header + offsetof(ip6_hdr, ip6_dst), sizeof(to.sin6_addr));
    std::memcpy(&info.ipi6_addr, header + offsetof(ip6_hdr, ip6_src), sizeof(info.ipi6_addr));
    std::memcpy(&direction.to, &to, sizeof(to));
    direction.to_bytes = sizeof(to);
    set_source(direction, IPPROTO_IPV6, IPV6_PKTINFO, info);
    return direction;
}

const std::uint8_t* header_of(const classic::Segment& segment) {
    return segment.header_bytes != 0 ? segment.header.data() : segment.payload.data();
}

/// How many of at most `batch` segments were sent; -1 with errno.
int send_batch(int socket, Direction& direction, std::span<const classic::Segment> segments) {
    std::array<mmsghdr, batch> messages{};
    std::array<std::array<iovec, 2>, batch> parts{};
    const std::size_t count = std::min(segments.size(), batch);
    for (std::size_t i = 0; i < count; ++i) {
        const classic::Segment& segment = segments[i];
        parts[i] = {iovec{const_cast<std::uint8_t*>(segment.header.data()), segment.header_bytes},
                    iovec{const_cast<std::uint8_t*>(segment.payload.data()), segment.payload.size()}};
        msghdr& message = messages[i].msg_hdr;
        message.msg_name = &direction.to;
        message.msg_namelen = direction.to_bytes;
        message.msg_iov = parts[i].data();
        message.msg_iovlen = parts[i].size();
        message.msg_control = direction.control.data();
        message.msg_controllen = direction.control_bytes;
    }
    return sendmmsg(socket, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

Result<RawSender> RawSender::open() {
    UniqueFd v4 = raw_socket(AF_INET);
    if (!v4.valid()) {
        return Error{errno, "cannot make a raw socket for the classic wire: run alpined as root (CAP_NET_RAW)"};
    }
    return RawSender(std::move(v4), raw_socket(AF_INET6));
}

Result<void> RawSender::send(std::span<const classic::Segment> segments, unsigned ifindex) {
    const std::uint8_t* header = header_of(segments.front());
    const bool v6 = header[0] >> 4 == 6;
    const UniqueFd& socket = v6 ? v6_ : v4_;
    Direction direction = v6 ? direction_v6(header, ifindex) : direction_v4(header, ifindex);
    while (!segments.empty()) {
        const int sent = send_batch(socket.get(), direction, segments);
        if (sent < 0) {
            return Error{errno == EBADF ? ENETUNREACH : errno, "raw socket"};
        }
        segments = segments.subspan(static_cast<std::size_t>(sent));
    }
    return {};
}

}  // namespace alp::proxy
