// SPDX-License-Identifier: GPL-2.0
// Rings of packet sockets (packet(7), PACKET_RX_RING and PACKET_TX_RING), mapped into the program.
//
// The ring's blocks lie in the arena, which is a shared mapping already: mremap() of no bytes maps them a second time,
// one behind the other, where the program wants them. The stack is told of the mapping and of its end, so that it keeps
// the blocks as a kernel would.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace alp::calls {

/// mmap(2) of a descriptor of the stack. Packet sockets have rings; all else answers ENODEV, as such files do.
long map_ring(int fd, void* address, std::size_t len, int protection, int flags, off_t offset);

/// [address, address + len) has been unmapped: if that was a whole ring, the stack may have its blocks back.
void note_unmapped(const void* address, std::size_t len);

/// In a forked child: the rings are the parent's.
void reset_rings_after_fork();

}  // namespace alp::calls
