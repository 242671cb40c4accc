// SPDX-License-Identifier: GPL-2.0
#include "tests/fuzz/reference_parser.h"

#include <algorithm>

namespace alp::fuzz {
namespace {

// Assigned Internet Protocol Numbers (IANA).
enum Number : std::uint8_t {
    hop_by_hop = 0,
    icmp = 1,
    tcp = 6,
    udp = 17,
    dccp = 33,
    routing = 43,
    fragment = 44,
    icmpv6 = 58,
    destination_options = 60,
    sctp = 132,
    udplite = 136,
};

constexpr std::size_t most_extensions = 6;

std::uint16_t u16(Span bytes, std::size_t at) { return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]); }

std::uint32_t u32(Span bytes, std::size_t at) {
    return static_cast<std::uint32_t>(u16(bytes, at)) << 16 | u16(bytes, at + 2);
}

bool holds(Span bytes, std::size_t at, std::size_t count) {
    return bytes.size() >= count && at <= bytes.size() - count;
}

Address mapped(Span v4) {
    Address address{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::copy_n(v4.begin(), 4, address.begin() + 12);
    return address;
}

bool is_mapped(const Address& address) { return mapped(Span(address).subspan(12)) == address; }

Piece piece_at(unsigned offset_units, bool more) {
    return offset_units != 0 ? Piece::later : more ? Piece::first : Piece::whole;
}

std::optional<Reading> read_v4(Span packet) {
    if (!holds(packet, 0, 20) || packet[0] >> 4 != 4 || (packet[0] & 15) < 5) {
        return std::nullopt;
    }
    Reading reading;
    reading.source = mapped(packet.subspan(12, 4));
    reading.destination = mapped(packet.subspan(16, 4));
    reading.protocol = packet[9];
    reading.transport = (packet[0] & 15) * 4U;
    reading.piece = piece_at(u16(packet, 6) & 0x1fff, (packet[6] & 0x20) != 0);
    reading.fragment_id = u16(packet, 4);
    return reading;
}

/// From a chain of headers to the transport; false: it is cut off or too long.
bool walk(Span packet, Reading& reading) {
    for (std::size_t seen = 0;; ++seen) {
        const bool options =
            reading.protocol == hop_by_hop || reading.protocol == routing || reading.protocol == destination_options;
        if (!options && reading.protocol != fragment) {
            return true;
        }
        // One more than six is none of ours, whether it is in this piece or in the one before.
        if (seen == most_extensions) {
            return false;
        }
        if (reading.piece == Piece::later) {
            return true;
        }
        if (!holds(packet, reading.transport, 8)) {
            return false;
        }
        const Span header = packet.subspan(reading.transport);
        if (!options) {
            // RFC 8200, 4.5: 13 bits of offset, two reserved, M. A second such header says what it says.
            const Piece now = piece_at(u16(header, 2) >> 3, (header[3] & 1) != 0);
            reading.piece = now == Piece::whole ? reading.piece : now;
            reading.fragment_id = u32(header, 4);
        }
        reading.protocol = header[0];
        reading.transport += options ? (header[1] + 1U) * 8U : 8U;
    }
}

std::optional<Reading> read_v6(Span packet) {
    if (!holds(packet, 0, 40) || packet[0] >> 4 != 6) {
        return std::nullopt;
    }
    Reading reading;
    reading.v6 = true;
    std::copy_n(packet.begin() + 8, 16, reading.source.begin());
    std::copy_n(packet.begin() + 24, 16, reading.destination.begin());
    if (is_mapped(reading.source) || is_mapped(reading.destination)) {
        return std::nullopt;
    }
    reading.protocol = packet[6];
    reading.transport = 40;
    return walk(packet, reading) ? std::optional(reading) : std::nullopt;
}

bool read_icmp(Span packet, Reading& reading) {
    const std::size_t at = reading.transport;
    if (!holds(packet, at, 6)) {
        return false;
    }
    reading.icmp_type = packet[at];
    reading.icmp_code = packet[at + 1];
    if (*reading.icmp_type == (reading.v6 ? 128 : 8)) {
        reading.source_port = u16(packet, at + 4);
    } else if (*reading.icmp_type == (reading.v6 ? 129 : 0)) {
        reading.destination_port = u16(packet, at + 4);
    }
    return true;
}

bool read_ports(Span packet, Reading& reading) {
    if (!holds(packet, reading.transport, 4)) {
        return false;
    }
    reading.source_port = u16(packet, reading.transport);
    reading.destination_port = u16(packet, reading.transport + 2);
    return true;
}

}  // namespace

bool Reading::is_error() const {
    if (!icmp_type) {
        return false;
    }
    constexpr std::array<int, 5> v4_errors = {3, 4, 5, 11, 12};
    return v6 ? *icmp_type < 128 : std::ranges::find(v4_errors, *icmp_type) != v4_errors.end();
}

bool Reading::is_routers_error() const {
    return is_error() && (v6 ? *icmp_type == 2 : *icmp_type == 5 || (*icmp_type == 3 && icmp_code == 4));
}

std::optional<Reading> read_packet(Span packet, bool v6) {
    auto reading = v6 ? read_v6(packet) : read_v4(packet);
    if (!reading || reading->piece == Piece::later) {
        return reading;
    }
    constexpr std::array<std::uint8_t, 5> with_ports = {tcp, udp, dccp, sctp, udplite};
    bool whole = true;
    if (reading->protocol == (v6 ? icmpv6 : icmp)) {
        whole = read_icmp(packet, *reading);
    } else if (std::ranges::find(with_ports, reading->protocol) != with_ports.end()) {
        whole = read_ports(packet, *reading);
    }
    return whole ? reading : std::nullopt;
}

}  // namespace alp::fuzz
