// SPDX-License-Identifier: GPL-2.0
// The descriptors that the fuzzer sends to alpined, good and bad.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/unique_fd.h"

namespace alp::fuzz {

enum class Kind : std::uint8_t {
    udp4_bound,
    udp6_bound,
    udp6_bound_dual,
    tcp4_bound,
    tcp4_bound_again,  ///< another socket on the port of tcp4_bound, by SO_REUSEPORT
    ping_bound,
    // From here on they prove nothing.
    udp4_unbound,
    tcp4_unbound,
    tcp4_listening,
    udp4_connected,
    raw4,
    packet_like,  ///< a netlink socket
    unix_stream,
    file,
    event,
    self,  ///< the connection itself
    kinds,
};

/// What a good descriptor proves, as it stands in a flow key; nothing for one that proves nothing.
struct Proof {
    std::uint8_t protocol;
    std::uint16_t port_be;
};

/// Made when asked for, gone with the object.
class Sockets {
public:
    /// -1: this kind cannot be made here.
    int get(Kind kind);
    std::optional<Proof> proof_of(Kind kind);

    /// Connects and disconnects udp4_bound: its port, which the kernel has picked, is free again.
    void give_back_port();

    /// The port that was given back, if one was.
    [[nodiscard]] std::optional<std::uint16_t> port_given_back() const { return given_back_; }

private:
    UniqueFd make(Kind kind);

    std::array<std::optional<UniqueFd>, static_cast<std::size_t>(Kind::kinds)> made_;
    std::optional<std::uint16_t> given_back_;
};

}  // namespace alp::fuzz
