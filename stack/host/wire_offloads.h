// SPDX-License-Identifier: GPL-2.0
// What the wire does for the stack besides carrying packets.
#pragma once

namespace alp::stack {

/// Does the wire cut a large UDP datagram into segments (UDP_SEGMENT), and hand over several at once as one? A TUN
/// queue does since Linux 6.2, and is asked here for the latter; another wire does not. `wire_fd`: or -1.
[[nodiscard]] bool wire_segments_udp(int wire_fd);

}  // namespace alp::stack
