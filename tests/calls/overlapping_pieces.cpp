// SPDX-License-Identifier: GPL-2.0
// Pieces of a datagram are put together whatever ports they seem to show: a false first piece takes the true one's
// place, and the whole is nobody's. Over loopback, from a raw socket.
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include "check.h"

namespace {

constexpr uint16_t kFalsePort = 9;  // "discard", of nobody here
constexpr size_t kFirst = 16;       // bytes of the first piece
constexpr size_t kSecond = 8;

struct Datagram {
    udphdr udp;
    char payload[kFirst + kSecond - sizeof(udphdr)];
};

struct Piece {
    ip6_hdr ip;
    ip6_frag fragment;
    char data[kFirst];
};

/// The one's complement sum over the pseudo-header and what follows it (RFC 8200, 8.1).
uint16_t checksum(const Datagram& datagram) {
    uint32_t sum = 2 * htons(1) + htons(sizeof(datagram)) + htons(IPPROTO_UDP);  // ::1 twice, length, next header
    uint16_t words[sizeof(datagram) / 2];
    memcpy(words, &datagram, sizeof(datagram));
    for (const uint16_t word : words) {
        sum += word;
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

Datagram to_port(uint16_t port_be) {
    Datagram datagram{};
    datagram.udp.source = htons(kFalsePort);
    datagram.udp.dest = port_be;
    datagram.udp.len = htons(sizeof(datagram));
    memcpy(datagram.payload, "in two pieces...", sizeof(datagram.payload));
    datagram.udp.check = checksum(datagram);
    return datagram;
}

void send_piece(int fd, const Datagram& datagram, size_t from, size_t len, uint32_t id) {
    const bool last = from + len == sizeof(datagram);
    Piece piece{};
    piece.ip.ip6_flow = htonl(6U << 28);
    piece.ip.ip6_plen = htons(static_cast<uint16_t>(sizeof(piece.fragment) + len));
    piece.ip.ip6_nxt = IPPROTO_FRAGMENT;
    piece.ip.ip6_hops = 64;
    piece.ip.ip6_src = piece.ip.ip6_dst = in6addr_loopback;
    piece.fragment.ip6f_nxt = IPPROTO_UDP;
    piece.fragment.ip6f_offlg = htons(static_cast<uint16_t>(from | (last ? 0U : 1U)));
    piece.fragment.ip6f_ident = htonl(id);
    memcpy(piece.data, reinterpret_cast<const char*>(&datagram) + from, len);
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_addr = in6addr_loopback;
    const size_t bytes = sizeof(piece) - sizeof(piece.data) + len;
    CHECK(sendto(fd, &piece, bytes, 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == static_cast<ssize_t>(bytes));
}

/// Sends the second piece, perhaps a false first one, and the first. Does it arrive?
bool arrives(int raw, int receiver, uint16_t port_be, uint32_t id, bool with_false_one) {
    const Datagram datagram = to_port(port_be);
    send_piece(raw, datagram, kFirst, kSecond, id);
    if (with_false_one) {
        send_piece(raw, to_port(htons(kFalsePort)), 0, kFirst, id);
    }
    send_piece(raw, datagram, 0, kFirst, id);
    pollfd ready{receiver, POLLIN, 0};
    char buffer[64];
    return poll(&ready, 1, 300) == 1 && recv(receiver, buffer, sizeof(buffer), 0) == sizeof(datagram.payload);
}

}  // namespace

int main() {
    const int raw = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
    if (raw < 0 && errno == EPERM) {
        puts("raw sockets are root's here");
        return 77;
    }
    CHECK(raw >= 0);
    const int receiver = socket(AF_INET6, SOCK_DGRAM, 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    socklen_t len = sizeof(address);
    CHECK(bind(receiver, reinterpret_cast<sockaddr*>(&address), len) == 0);
    CHECK(getsockname(receiver, reinterpret_cast<sockaddr*>(&address), &len) == 0);
    const auto id = static_cast<uint32_t>(getpid()) * 4;
    CHECK(arrives(raw, receiver, address.sin6_port, id, false));
    CHECK(!arrives(raw, receiver, address.sin6_port, id + 1, true));
    CHECK(arrives(raw, receiver, address.sin6_port, id + 2, false));
    return 0;
}
