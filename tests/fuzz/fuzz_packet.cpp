// SPDX-License-Identifier: GPL-2.0
// The packet parser of the steering programs against a reference, on whatever bytes libFuzzer makes.
//
// Input: the first byte chooses the ethertype (even: by the version in the packet, as on a TUN), the rest is the packet
// from its network header on. It is copied to memory of just its size, so that reading past it is seen.
#include <linux/if_ether.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/fuzz/packet_under_test.h"
#include "tests/fuzz/reference_parser.h"

namespace {

using alp::fuzz::Piece;
using alp::fuzz::Reading;
using alp::fuzz::Span;

#define MUST(condition)                                                                  \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                \
        }                                                                                \
    } while (false)

std::uint16_t host_order(__be16 value) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

std::uint32_t id_of(const parsed& packet) {
    if (packet.family == AF_INET) {
        return host_order(static_cast<__be16>(packet.fragment_id_be));
    }
    return __builtin_bswap32(packet.fragment_id_be);
}

void check_same(const parsed& packet, const Reading& expected, std::size_t start) {
    MUST(packet.family == (expected.v6 ? AF_INET6 : AF_INET));
    MUST(std::memcmp(packet.src.addr, expected.source.data(), 16) == 0);
    MUST(std::memcmp(packet.dst.addr, expected.destination.data(), 16) == 0);
    MUST(packet.protocol == expected.protocol);
    MUST(packet.src.protocol == expected.protocol && packet.dst.protocol == expected.protocol);
    MUST(packet.src.pad == 0 && packet.dst.pad == 0);  // keys are compared as bytes
    MUST(packet.transport_offset == start + expected.transport);
    MUST(packet.piece == static_cast<int>(expected.piece));
    MUST(id_of(packet) == expected.fragment_id);
    MUST(host_order(packet.src.port_be) == expected.source_port);
    MUST(host_order(packet.dst.port_be) == expected.destination_port);
    MUST((packet.is_icmp_error != 0) == expected.is_error());
    MUST((packet.is_routers_error != 0) == expected.is_routers_error());
    MUST(expected.piece != Piece::later || (packet.src.port_be == 0 && packet.dst.port_be == 0));
}

void check_quoted(Span bytes, const Reading& error, const parsed& quoted) {
    const std::size_t start = error.transport + 8;
    const auto expected = start <= bytes.size() ? alp::fuzz::read_packet(bytes.subspan(start), error.v6) : std::nullopt;
    MUST((quoted.ok != 0) == expected.has_value());
    if (expected) {
        check_same(quoted, *expected, start);
    }
}

void check(Span bytes, std::uint16_t ethertype) {
    parsed packet{};
    parsed quoted{};
    parse_under_test(bytes.data(), bytes.size(), ethertype, &packet, &quoted);
    const bool ip = ethertype == ETH_P_IP || ethertype == ETH_P_IPV6;
    const auto expected = ip ? alp::fuzz::read_packet(bytes, ethertype == ETH_P_IPV6) : std::nullopt;
    MUST((packet.ok != 0) == expected.has_value());
    if (!expected) {
        return;
    }
    check_same(packet, *expected, 0);
    if (expected->is_error()) {
        check_quoted(bytes, *expected, quoted);
    } else {
        MUST(quoted.ok == 0);
    }
}

std::uint16_t ethertype_for(std::uint8_t choice, Span packet) {
    if (choice % 2 == 0) {
        return !packet.empty() && packet[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
    }
    return choice % 4 == 1 ? ETH_P_IPV6 : choice == 3 ? ETH_P_ARP : ETH_P_IP;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const auto copy = std::make_unique<std::uint8_t[]>(size - 1);
    std::memcpy(copy.get(), data + 1, size - 1);
    const Span packet(copy.get(), size - 1);
    check(packet, ethertype_for(data[0], packet));
    return 0;
}
