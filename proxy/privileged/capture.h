// SPDX-License-Identifier: GPL-2.0
// The way into the classic wire: libpcap on all devices of the host at once.
#pragma once

#include <linux/filter.h>
#include <pcap/pcap.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace alp::proxy {

class Capture {
public:
    /// A packet from its IP header on, with whatever padding the link added, the device it came in on, and to whom the
    /// link says it is (PACKET_* of packet(7)). Valid during the call.
    using Handler = std::function<void(unsigned ifindex, unsigned pkt_type, std::span<const std::uint8_t> packet)>;

    /// Sees nothing until set_filter(). EPERM without CAP_NET_RAW.
    static Result<Capture> open();

    /// Replaces the filter at one stroke: no packet is lost, as pcap_setfilter(3PCAP) would have it. EINVAL or ENOMEM:
    /// it is more than the kernel takes.
    Result<void> set_filter(std::span<const sock_filter> filter);

    /// Readable when there are packets.
    [[nodiscard]] int fd() const { return pcap_get_selectable_fd(pcap_.get()); }

    /// Hands over packets that wait, at most `limit`.
    void read(int limit, const Handler& handler);

private:
    using Pcap = std::unique_ptr<pcap_t, decltype(&pcap_close)>;

    explicit Capture(Pcap pcap) : pcap_(std::move(pcap)) {}

    Pcap pcap_;
};

}  // namespace alp::proxy
