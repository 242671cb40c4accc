// SPDX-License-Identifier: GPL-2.0
// Packets as a stack would write them, made by hand, and what came of them read back.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace alp::test {

using Bytes = std::vector<std::uint8_t>;

/// A transport endpoint as tests write it.
struct Point {
    std::string address;  ///< either family
    std::uint16_t port;
};

/// What tests look at in a packet they get.
struct Seen {
    int family = 0;
    int protocol = 0;
    std::string source;
    std::string destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::string payload;  ///< of a UDP datagram
};

/// An IP packet of the family of its addresses, with `body` behind its header. v4_fragment is the header's whole
/// flags-and-offset field.
Bytes ip_packet(const std::string& source, const std::string& destination, std::uint8_t protocol, const Bytes& body,
                std::uint16_t v4_fragment = 0, std::uint16_t id = 7);

/// UDP header and payload, with the checksum over the pseudo header of the two addresses.
Bytes udp_datagram(const Point& source, const Point& destination, const std::string& payload);

/// A whole UDP packet.
Bytes udp_packet(const Point& source, const Point& destination, const std::string& payload);

/// A TCP segment without options, `length` bytes of payload, checksum left to the device (pseudo header only).
Bytes tcp_segment(const Point& source, const Point& destination, std::size_t length);

/// An IPv6 fragment extension header in front of a piece of a datagram.
Bytes v6_fragment(std::uint8_t next_header, std::uint16_t offset_bytes, bool more, const Bytes& piece);

/// An ICMP or ICMPv6 error (by the family of `quoted`), type and code as given.
Bytes icmp_error(std::uint8_t type, std::uint8_t code, const Bytes& quoted);

/// An Ethernet header in front, with zero addresses as on lo; without its first `skip` bytes.
Bytes ethernet(const Bytes& ip, std::size_t skip = 0);

std::optional<Seen> dissect(const Bytes& ip);

in6_addr mapped_address(const std::string& address);

Bytes operator+(Bytes left, const Bytes& right);

}  // namespace alp::test
