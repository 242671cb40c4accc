// SPDX-License-Identifier: GPL-2.0
// What connects one stack with the network: its end of a wire.
#pragma once

#include <string>

#include "abi/proxy.h"

namespace alp::proxy {

/// Goes away with the object, whoever else holds the client's descriptor.
class Line {
public:
    virtual ~Line() = default;

    /// What the client gets: reads and writes one packet behind its virtio_net_hdr (10 bytes). Non-blocking. -1: it has
    /// it from an alpined before.
    [[nodiscard]] virtual int client_end() const = 0;
    /// What the stack goes by in claims and lists: the ifindex of its TUN, or a number that no device has.
    [[nodiscard]] virtual unsigned ifindex() const = 0;
    [[nodiscard]] virtual const std::string& ifname() const = 0;
    [[nodiscard]] virtual alpine_wire wire() const = 0;

    /// alpined's end, which the client may keep to show it to the alpined after this one; -1: there is none.
    [[nodiscard]] virtual int far_end() const { return -1; }
    /// Do packets pass also while there is no alpined?
    [[nodiscard]] virtual bool lasts() const { return false; }
    /// The client is gone: what it has sent before that goes out.
    virtual void flush() {}
    /// alpined ends: a line that lasts stays, and is from now on the client's alone.
    virtual void leave() {}
};

}  // namespace alp::proxy
