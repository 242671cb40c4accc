// SPDX-License-Identifier: GPL-2.0
// Rings of packet sockets (packet(7), PACKET_RX_RING), mapped into the program.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace alp::calls {

/// mmap(2) of a descriptor of the stack. Packet sockets have rings; all else answers ENODEV, as such files do.
long map_ring(int fd, void* address, std::size_t len, int protection, int flags, off_t offset);

}  // namespace alp::calls
