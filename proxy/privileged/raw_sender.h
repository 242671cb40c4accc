// SPDX-License-Identifier: GPL-2.0
// The way out of the classic wire: raw sockets (raw(7)) that take whole IP packets, and leave the route, the neighbour
// and the device to the host.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/classic/segments.h"

namespace alp::proxy {

class RawSender {
public:
    /// EPERM without CAP_NET_RAW. Without IPv6 on the host, IPv6 packets have no route.
    static Result<RawSender> open();

    /// Sends the pieces of one packet; all have its addresses. By the device `ifindex`, or by the one that the host's
    /// routes say (0). Never blocks. The errno of the first piece that was refused, such as ENETUNREACH; those after it
    /// are not sent.
    Result<void> send(std::span<const classic::Segment> segments, unsigned ifindex = 0);

private:
    RawSender(UniqueFd v4, UniqueFd v6) : v4_(std::move(v4)), v6_(std::move(v6)) {}

    UniqueFd v4_;
    UniqueFd v6_;
};

}  // namespace alp::proxy
