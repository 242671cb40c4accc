// SPDX-License-Identifier: GPL-2.0
// A client of alpined with a TUN and no stack: tests write its packets by hand.
#pragma once

#include <optional>
#include <string>

#include "proxy/client/client.h"
#include "tests/proxy/packets.h"
#include "tests/proxy/testbed.h"

namespace alp::test {

/// A host socket bound to an address and port (0: any). Invalid, with errno set, if the host refuses.
UniqueFd bound_socket(const Point& point, int type = SOCK_DGRAM, bool reuse_port = false);

/// The port a socket is bound to.
std::uint16_t port_of(int socket);

/// Sends and receives on an ordinary UDP socket of the host.
void send_datagram(int socket, const Point& to, const std::string& payload);
struct Datagram {
    Point from;
    std::string payload;
};
std::optional<Datagram> receive_datagram(int socket, int timeout_ms = 1000);

class StackClient {
public:
    /// Connects and attaches, in the namespace of `host`, to the wire that ALPINE_TEST_WIRE names (default: steer).
    explicit StackClient(const Namespace& host);

    /// The same for a process that is in the namespace already, and may not enter it.
    struct AlreadyThere {};
    static constexpr AlreadyThere already_there{};
    StackClient(const Namespace& host, AlreadyThere);

    [[nodiscard]] proxy::Client& proxy() { return client_; }
    [[nodiscard]] const proxy::Attachment& wire() const { return wire_; }

    /// Binds a host socket, claims it and closes it; answers the port.
    std::uint16_t claim(const Point& point, int type = SOCK_DGRAM);

    /// Writes one IP packet, as it is or with a segmentation request, or with the request to sum up all from
    /// `checksum_start` on and to write that `checksum_offset` behind it (false: the TUN itself refuses that).
    void send(const Bytes& ip);
    bool send_unsummed(const Bytes& ip, std::uint16_t checksum_start, std::uint16_t checksum_offset);
    void send_segmented(const Bytes& ip, std::uint16_t header_length, std::uint16_t segment_length);

    /// The next packet steered here, if one comes in time.
    std::optional<Seen> receive(int timeout_ms = 1000);

    /// Counters as alpined lists them.
    alpine_wire_counters counters();

private:
    void connect();

    const Namespace& host_;
    bool enters_ = true;
    proxy::Client client_;
    proxy::Attachment wire_;
};

}  // namespace alp::test
