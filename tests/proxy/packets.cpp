// SPDX-License-Identifier: GPL-2.0
#include "tests/proxy/packets.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace alp::test {
namespace {

template <typename T>
Bytes bytes_of(const T& value) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(&value);
    return Bytes(begin, begin + sizeof(value));
}

bool is_v4(const std::string& address) { return address.find(':') == std::string::npos; }

Bytes address_bytes(const std::string& address) {
    Bytes bytes(is_v4(address) ? 4 : 16);
    inet_pton(is_v4(address) ? AF_INET : AF_INET6, address.c_str(), bytes.data());
    return bytes;
}

/// RFC 1071, not yet complemented.
std::uint32_t ones_sum(const Bytes& data) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < data.size(); i += 2) {
        sum += static_cast<std::uint32_t>(data[i] << 8) + (i + 1 < data.size() ? data[i + 1] : 0);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

std::uint16_t checksum_be(const Bytes& data) { return htons(static_cast<std::uint16_t>(~ones_sum(data))); }

Bytes pseudo_header(const std::string& source, const std::string& destination, std::uint8_t protocol,
                    std::size_t length) {
    const Bytes tail = {0, protocol, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
    return address_bytes(source) + address_bytes(destination) + tail;
}

Bytes v4_header(const std::string& source, const std::string& destination, std::uint8_t protocol, std::size_t length,
                std::uint16_t fragment, std::uint16_t id) {
    iphdr ip{};
    ip.version = 4;
    ip.ihl = 5;
    ip.ttl = 64;
    ip.protocol = protocol;
    ip.tot_len = htons(static_cast<std::uint16_t>(sizeof(ip) + length));
    ip.frag_off = htons(fragment);
    ip.id = htons(id);
    std::memcpy(&ip.saddr, address_bytes(source).data(), 4);
    std::memcpy(&ip.daddr, address_bytes(destination).data(), 4);
    ip.check = checksum_be(bytes_of(ip));
    return bytes_of(ip);
}

Bytes v6_header(const std::string& source, const std::string& destination, std::uint8_t protocol, std::size_t length) {
    ip6_hdr ip{};
    ip.ip6_vfc = 0x60;
    ip.ip6_hlim = 64;
    ip.ip6_nxt = protocol;
    ip.ip6_plen = htons(static_cast<std::uint16_t>(length));
    std::memcpy(&ip.ip6_src, address_bytes(source).data(), 16);
    std::memcpy(&ip.ip6_dst, address_bytes(destination).data(), 16);
    return bytes_of(ip);
}

std::string text_of(int family, const std::uint8_t* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return inet_ntop(family, address, text.data(), text.size());
}

void dissect_udp(const std::uint8_t* header, std::size_t length, Seen& seen) {
    udphdr udp{};
    if (seen.protocol != IPPROTO_UDP || length < sizeof(udp)) {
        return;
    }
    std::memcpy(&udp, header, sizeof(udp));
    seen.source_port = ntohs(udp.source);
    seen.destination_port = ntohs(udp.dest);
    seen.payload.assign(reinterpret_cast<const char*>(header) + sizeof(udp), length - sizeof(udp));
}

}  // namespace

Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

Bytes ip_packet(const std::string& source, const std::string& destination, std::uint8_t protocol, const Bytes& body,
                std::uint16_t v4_fragment, std::uint16_t id) {
    return (is_v4(source) ? v4_header(source, destination, protocol, body.size(), v4_fragment, id)
                          : v6_header(source, destination, protocol, body.size())) +
           body;
}

Bytes udp_datagram(const Point& source, const Point& destination, const std::string& payload) {
    udphdr udp{};
    udp.source = htons(source.port);
    udp.dest = htons(destination.port);
    udp.len = htons(static_cast<std::uint16_t>(sizeof(udp) + payload.size()));
    const Bytes text(payload.begin(), payload.end());
    const Bytes pseudo = pseudo_header(source.address, destination.address, IPPROTO_UDP, sizeof(udp) + payload.size());
    udp.check = checksum_be(pseudo + bytes_of(udp) + text);
    return bytes_of(udp) + text;
}

Bytes udp_packet(const Point& source, const Point& destination, const std::string& payload) {
    return ip_packet(source.address, destination.address, IPPROTO_UDP, udp_datagram(source, destination, payload));
}

Bytes tcp_segment(const Point& source, const Point& destination, std::size_t length) {
    tcphdr tcp{};
    tcp.source = htons(source.port);
    tcp.dest = htons(destination.port);
    tcp.doff = sizeof(tcp) / 4;
    tcp.ack = 1;
    tcp.check = htons(static_cast<std::uint16_t>(
        ones_sum(pseudo_header(source.address, destination.address, IPPROTO_TCP, sizeof(tcp) + length))));
    return ip_packet(source.address, destination.address, IPPROTO_TCP, bytes_of(tcp) + Bytes(length, 'x'));
}

Bytes v6_fragment(std::uint8_t next_header, std::uint16_t offset_bytes, bool more, const Bytes& piece) {
    ip6_frag header{};
    header.ip6f_nxt = next_header;
    header.ip6f_offlg = htons(static_cast<std::uint16_t>(offset_bytes | (more ? 1 : 0)));
    header.ip6f_ident = htonl(77);
    return bytes_of(header) + piece;
}

Bytes icmp_error(std::uint8_t type, std::uint8_t code, const Bytes& quoted) {
    return Bytes{type, code, 0, 0, 0, 0, 0, 0} + quoted;
}

Bytes ethernet(const Bytes& ip, std::size_t skip) {
    ethhdr header{};
    header.h_proto = htons(ip[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
    const Bytes whole = bytes_of(header);
    return Bytes(whole.begin() + static_cast<std::ptrdiff_t>(skip), whole.end()) + ip;
}

std::optional<Seen> dissect(const Bytes& ip) {
    Seen seen;
    const bool v4 = !ip.empty() && ip[0] >> 4 == 4;
    const std::size_t header = v4 ? sizeof(iphdr) : sizeof(ip6_hdr);
    if (ip.size() < header) {
        return std::nullopt;
    }
    seen.family = v4 ? AF_INET : AF_INET6;
    seen.protocol = v4 ? ip[offsetof(iphdr, protocol)] : ip[offsetof(ip6_hdr, ip6_nxt)];
    seen.source = text_of(seen.family, &ip[v4 ? offsetof(iphdr, saddr) : offsetof(ip6_hdr, ip6_src)]);
    seen.destination = text_of(seen.family, &ip[v4 ? offsetof(iphdr, daddr) : offsetof(ip6_hdr, ip6_dst)]);
    dissect_udp(ip.data() + header, ip.size() - header, seen);
    return seen;
}

in6_addr mapped_address(const std::string& address) {
    in6_addr mapped{};
    const Bytes bytes = address_bytes(address);
    if (bytes.size() == 4) {
        mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
    }
    std::memcpy(&mapped.s6_addr[16 - bytes.size()], bytes.data(), bytes.size());
    return mapped;
}

}  // namespace alp::test
