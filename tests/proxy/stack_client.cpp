// SPDX-License-Identifier: GPL-2.0
#include "tests/proxy/stack_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>

namespace alp::test {
namespace {

/// struct virtio_net_hdr of <linux/virtio_net.h>, a header that C++ cannot read.
struct VirtioNetHeader {
    std::uint8_t flags;
    std::uint8_t gso_type;
    std::uint16_t hdr_len;
    std::uint16_t gso_size;
    std::uint16_t csum_start;
    std::uint16_t csum_offset;
};
static_assert(sizeof(VirtioNetHeader) == 10);
constexpr std::uint8_t needs_checksum = 1;
constexpr std::uint8_t gso_tcp_v4 = 1;
constexpr std::uint8_t gso_tcp_v6 = 4;

struct Name {
    sockaddr_storage address{};
    socklen_t length = 0;
};

Name name_of(const Point& point) {
    Name name;
    auto& v4 = reinterpret_cast<sockaddr_in&>(name.address);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(name.address);
    if (inet_pton(AF_INET, point.address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(point.port);
        name.length = sizeof(v4);
    } else {
        inet_pton(AF_INET6, point.address.c_str(), &v6.sin6_addr);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(point.port);
        name.length = sizeof(v6);
    }
    return name;
}

Point point_of(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool v4 = address.ss_family == AF_INET;
    const void* ip = v4 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr)
                        : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
    inet_ntop(address.ss_family, ip, text.data(), text.size());
    return {text.data(), ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port)};  // sin6_port lies there, too
}

bool readable(int fd, int timeout_ms) {
    pollfd wait{fd, POLLIN, 0};
    return poll(&wait, 1, timeout_ms) == 1;
}

}  // namespace

UniqueFd bound_socket(const Point& point, int type, bool reuse_port) {
    const Name name = name_of(point);
    UniqueFd made(socket(name.address.ss_family, type | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (reuse_port) {
        setsockopt(made.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    }
    if (bind(made.get(), reinterpret_cast<const sockaddr*>(&name.address), name.length) != 0) {
        return {};
    }
    return made;
}

std::uint16_t port_of(int socket) {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
    return point_of(address).port;
}

void send_datagram(int socket, const Point& to, const std::string& payload) {
    const Name name = name_of(to);
    ASSERT_EQ(sendto(socket, payload.data(), payload.size(), 0, reinterpret_cast<const sockaddr*>(&name.address),
                     name.length),
              static_cast<ssize_t>(payload.size()));
}

std::optional<Datagram> receive_datagram(int socket, int timeout_ms) {
    if (!readable(socket, timeout_ms)) {
        return std::nullopt;
    }
    std::array<char, 65536> data{};
    sockaddr_storage from{};
    socklen_t length = sizeof(from);
    const ssize_t size = recvfrom(socket, data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    return Datagram{point_of(from), std::string(data.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)))};
}

StackClient::StackClient(const Namespace& host) : host_(host) {
    const Inside inside(host_);
    connect();
}

StackClient::StackClient(const Namespace& host, AlreadyThere) : host_(host), enters_(false) { connect(); }

void StackClient::connect() {
    auto connected = client_.connect(ALPINE_PROXY_SOCKET);
    EXPECT_TRUE(connected.ok()) << connected.error().message();
    const char* wire = std::getenv("ALPINE_TEST_WIRE");
    auto attached =
        client_.attach(wire != nullptr && std::string(wire) == "classic" ? ALPINE_WIRE_CLASSIC : ALPINE_WIRE_STEER);
    EXPECT_TRUE(attached.ok()) << attached.error().message();
    wire_ = std::move(attached).value();
}

std::uint16_t StackClient::claim(const Point& point, int type) {
    const auto inside = enters_ ? std::make_unique<Inside>(host_) : nullptr;
    const UniqueFd socket = bound_socket(point, type);
    EXPECT_TRUE(socket.valid()) << strerror(errno);
    const auto claimed = client_.claim(socket.get());
    EXPECT_TRUE(claimed.ok()) << (claimed.ok() ? "" : claimed.error().message());
    return claimed.ok() ? claimed.value().port : 0;
}

void StackClient::send(const Bytes& ip) {
    const Bytes framed = Bytes(sizeof(VirtioNetHeader), 0) + ip;
    ASSERT_EQ(write(wire_.tun.get(), framed.data(), framed.size()), static_cast<ssize_t>(framed.size()));
}

bool StackClient::send_unsummed(const Bytes& ip, std::uint16_t checksum_start, std::uint16_t checksum_offset) {
    VirtioNetHeader header{};
    header.flags = needs_checksum;
    header.csum_start = checksum_start;
    header.csum_offset = checksum_offset;
    Bytes framed(sizeof(header));
    std::memcpy(framed.data(), &header, sizeof(header));
    framed = framed + ip;
    const bool sent = write(wire_.tun.get(), framed.data(), framed.size()) == static_cast<ssize_t>(framed.size());
    EXPECT_TRUE(sent || errno == EINVAL) << strerror(errno);
    return sent;
}

void StackClient::send_segmented(const Bytes& ip, std::uint16_t header_length, std::uint16_t segment_length) {
    constexpr std::uint16_t tcp_header_length = 20;
    VirtioNetHeader header{};
    header.flags = needs_checksum;
    header.gso_type = ip[0] >> 4 == 4 ? gso_tcp_v4 : gso_tcp_v6;
    header.hdr_len = header_length;
    header.gso_size = segment_length;
    header.csum_start = header_length - tcp_header_length;
    header.csum_offset = 16;
    Bytes framed(sizeof(header));
    std::memcpy(framed.data(), &header, sizeof(header));
    framed = framed + ip;
    ASSERT_EQ(write(wire_.tun.get(), framed.data(), framed.size()), static_cast<ssize_t>(framed.size()));
}

std::optional<Seen> StackClient::receive(int timeout_ms) {
    if (!readable(wire_.tun.get(), timeout_ms)) {
        return std::nullopt;
    }
    Bytes framed(65536 + sizeof(VirtioNetHeader));
    const ssize_t length = read(wire_.tun.get(), framed.data(), framed.size());
    if (length < static_cast<ssize_t>(sizeof(VirtioNetHeader))) {
        return std::nullopt;
    }
    return dissect(Bytes(framed.begin() + sizeof(VirtioNetHeader), framed.begin() + length));
}

alpine_wire_counters StackClient::counters() {
    const auto stacks = client_.list();
    EXPECT_TRUE(stacks.ok());
    for (const auto& stack : stacks.value()) {
        if (stack.ifindex == wire_.ifindex) {
            return stack.counters;
        }
    }
    ADD_FAILURE() << wire_.ifname << " is not listed";
    return {};
}

}  // namespace alp::test
