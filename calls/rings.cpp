// SPDX-License-Identifier: GPL-2.0
#include "calls/rings.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <atomic>

#include "abi/stack.h"
#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "calls/lock.h"
#include "calls/stack_call.h"

namespace alp::calls {

namespace {

constexpr int kMaxRings = 256;

/// A mapped ring. `address` null: the place is free.
struct Ring {
    const void* address;
    std::size_t len_bytes;
    long handle;
};

Lock rings_lock;
Ring rings[kMaxRings];
std::atomic<int> ring_count{0};

bool remember(const Ring& ring) {
    Locked locked(rings_lock);
    for (Ring& place : rings) {
        if (place.address == nullptr) {
            place = ring;
            ring_count.fetch_add(1);
            return true;
        }
    }
    return false;
}

/// Maps the blocks of the stack's ring one behind the other at `where`. 0 or -errno.
long map_blocks(const alpine_packet_map& map, char* where) {
    const std::size_t blocks = std::size_t{map.rx_blocks} + map.tx_blocks;
    for (std::size_t i = 0; i < blocks; ++i) {
        const long from = stack_call(ALPINE_NR_packet_block, map.handle, static_cast<long>(i));
        const long len = i < map.rx_blocks ? map.rx_block_bytes : map.tx_block_bytes;
        if (from < 0) {
            return from;
        }
        const long mapped = raw_syscall(SYS_mremap, from, 0, len, MREMAP_MAYMOVE | MREMAP_FIXED, arg(where));
        if (is_errno(mapped)) {
            return mapped;
        }
        where += len;
    }
    return 0;
}

/// Keeps an address range for the ring, as mmap() would find it.
long reserve(void* address, std::size_t len, int flags) {
    const int wanted = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    return raw_syscall(SYS_mmap, arg(address), static_cast<long>(len), PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | wanted, -1, 0);
}

}  // namespace

long map_ring(int fd, void* address, std::size_t len, int protection, int flags, off_t offset) {
    alpine_packet_map map{};
    const long ring_bytes = stack_call(ALPINE_NR_packet_map, fd, arg(&map));
    if (ring_bytes < 0) {
        return ring_bytes;
    }
    long result = -EINVAL;
    if (static_cast<std::size_t>(ring_bytes) == len && offset == 0) {
        result = reserve(address, len, flags);
    }
    if (!is_errno(result)) {
        const long where = result;
        const long error = map_blocks(map, reinterpret_cast<char*>(where));
        raw_syscall(SYS_mprotect, where, static_cast<long>(len), protection);
        if (error == 0 && remember(Ring{reinterpret_cast<void*>(where), len, map.handle})) {
            return where;
        }
        raw_syscall(SYS_munmap, where, static_cast<long>(len));
        result = error < 0 ? error : -ENOMEM;
    }
    stack_call(ALPINE_NR_packet_unmap, map.handle);
    return result;
}

void note_unmapped(const void* address, std::size_t len) {
    if (__builtin_expect(ring_count.load(std::memory_order_relaxed) == 0, 1)) {
        return;
    }
    long handle = -1;
    {
        Locked locked(rings_lock);
        const auto* start = static_cast<const char*>(address);
        for (Ring& ring : rings) {
            const auto* at = static_cast<const char*>(ring.address);
            if (at != nullptr && at >= start && at + ring.len_bytes <= start + len) {
                handle = ring.handle;
                ring.address = nullptr;
                ring_count.fetch_sub(1);
                break;
            }
        }
    }
    if (handle >= 0) {
        stack_call(ALPINE_NR_packet_unmap, handle);
    }
}

void reset_rings_after_fork() {
    rings_lock.reset();
    if (ring_count == 0) {
        return;
    }
    ring_count = 0;
    for (Ring& ring : rings) {
        ring.address = nullptr;
    }
}

}  // namespace alp::calls
