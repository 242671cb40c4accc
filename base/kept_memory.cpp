// SPDX-License-Identifier: GPL-2.0
#include "base/kept_memory.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <atomic>

#include "base/raw_syscall.h"

namespace alp {

namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kAreaBytes = 4UL << 20;

alignas(kPageBytes) char area[kAreaBytes];  // beside the other variables, and like them only there where it is touched
std::atomic<std::size_t> taken{0};

}  // namespace

void* keep_memory(std::size_t len_bytes) {
    const std::size_t len = (len_bytes + kPageBytes - 1) & ~(kPageBytes - 1);
    std::size_t at = taken.load();
    while (len <= kAreaBytes - at) {
        if (taken.compare_exchange_weak(at, at + len)) {
            return area + at;
        }
    }
    const long memory =
        raw_syscall(SYS_mmap, 0, static_cast<long>(len), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return is_errno(memory) ? nullptr : reinterpret_cast<void*>(memory);
}

}  // namespace alp
