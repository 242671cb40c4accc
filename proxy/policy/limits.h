// SPDX-License-Identifier: GPL-2.0
// How much of the host one user may have.
#pragma once

#include <optional>

namespace alp::proxy {

/// The defaults leave room for everybody else, and for any one program that is not out to exhaust the host.
struct Limits {
    unsigned stacks = 256;
    unsigned ports = 32768;                   ///< claims; a quarter of what the steering map holds
    std::optional<unsigned> ephemeral_ports;  ///< of those, in the host's ip_local_port_range; default: half of it
    unsigned claims_per_second = 20000;       ///< twice as many may come at once after a second's rest
};

}  // namespace alp::proxy
