// SPDX-License-Identifier: GPL-2.0
//
// Theory of operation
//
// Blocks of powers of two, from 32 bytes to 64 KiB, one list of free ones for each; what is larger is a mapping. In
// front of each block stands its size. Memory goes back to the lists and never to the host: what Alpine needs at once
// is little, some hundred kilobytes while a network configuration is read.
#include "calls/heap.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "base/kept_memory.h"
#include "base/raw_syscall.h"
#include "calls/lock.h"

namespace alp::calls {

extern const bool own_heap = true;

namespace {

constexpr unsigned kSmallest = 5; /* log2 of bytes */
constexpr unsigned kLargest = 16;
constexpr std::size_t kChunkBytes = 256 * 1024;

/// What stands in front of a block: its size, all included. As long as operator new's alignment.
struct alignas(16) Header {
    std::size_t bytes;
};

struct Free {
    Free* next;
};

Lock heap_lock;
Free* free_blocks[kLargest + 1];
char* chunk;
std::size_t chunk_left;

void* map(std::size_t bytes) {
    const long memory =
        raw_syscall(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return is_errno(memory) ? nullptr : reinterpret_cast<void*>(memory);
}

void* cut_from_chunk(std::size_t bytes) {
    if (chunk_left < bytes) {
        chunk = static_cast<char*>(keep_memory(kChunkBytes));
        chunk_left = chunk != nullptr ? kChunkBytes : 0;
    }
    if (chunk == nullptr) {
        return nullptr;
    }
    char* block = chunk;
    chunk += bytes;
    chunk_left -= bytes;
    return block;
}

void* take(std::size_t wanted) {
    const std::size_t bytes = wanted + sizeof(Header);
    const auto power = static_cast<unsigned>(std::bit_width(bytes - 1));
    Header* block = nullptr;
    std::size_t size = bytes;
    if (power > kLargest) {
        block = static_cast<Header*>(map(bytes));
    } else {
        const unsigned fit = power < kSmallest ? kSmallest : power;
        size = std::size_t{1} << fit;
        Locked locked(heap_lock);
        if (Free* first = free_blocks[fit]; first != nullptr) {
            free_blocks[fit] = first->next;
            block = reinterpret_cast<Header*>(first);
        } else {
            block = static_cast<Header*>(cut_from_chunk(size));
        }
    }
    if (block == nullptr) {
        return nullptr;
    }
    block->bytes = size;
    return block + 1;
}

void give_back(void* memory) {
    Header* block = static_cast<Header*>(memory) - 1;
    const std::size_t bytes = block->bytes;
    if (bytes > std::size_t{1} << kLargest) {
        raw_syscall(SYS_munmap, arg(block), static_cast<long>(bytes));
        return;
    }
    const auto power = static_cast<unsigned>(std::bit_width(bytes - 1));
    auto* freed = reinterpret_cast<Free*>(block);
    Locked locked(heap_lock);
    freed->next = free_blocks[power];
    free_blocks[power] = freed;
}

}  // namespace

void reset_heap_after_fork() { heap_lock.reset(); }

}  // namespace alp::calls

void* operator new(std::size_t bytes) {
    void* memory = alp::calls::take(bytes);
    if (memory == nullptr) {
        __builtin_trap();  // as an exception that nobody catches: there are none in this library
    }
    return memory;
}

void operator delete(void* memory) noexcept {
    if (memory != nullptr) {
        alp::calls::give_back(memory);
    }
}

void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
