// SPDX-License-Identifier: GPL-2.0
#include "base/resident.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/raw_syscall.h"
#include "base/unique_fd.h"

namespace alp {

namespace {

constexpr std::uintptr_t kPageBytes = 4096;

// An entry of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst).
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kOfFile = std::uint64_t{1} << 61;

bool is_clean(std::uint64_t entry) { return (entry & (kPresent | kOfFile)) == (kPresent | kOfFile); }

void forget(std::uintptr_t page, std::size_t count) {
    raw_syscall(SYS_madvise, static_cast<long>(page * kPageBytes), static_cast<long>(count * kPageBytes),
                MADV_DONTNEED);
}

}  // namespace

void have_forks_copy(const void* text, std::size_t len_bytes) {
    // The host's kernel copies the tables of what holds a page of the process's own (vma_needs_copy(), mm/memory.c).
    // All of it is made writable for a moment, as only then it stays one area.
    const auto start = static_cast<long>(reinterpret_cast<std::uintptr_t>(text) & ~(kPageBytes - 1));
    const auto len = static_cast<long>(reinterpret_cast<std::uintptr_t>(text) + len_bytes) - start;
    if (raw_syscall(SYS_mprotect, start, len, PROT_READ | PROT_WRITE | PROT_EXEC) == 0) {
        auto* byte = reinterpret_cast<volatile unsigned char*>(start);
        *byte = *byte;
        raw_syscall(SYS_mprotect, start, len, PROT_READ | PROT_EXEC);
    }
}

void forget_clean_pages(const void* start, std::size_t len_bytes) {
    static constexpr char kPagemap[] = "/proc/self/pagemap";
    static std::uint64_t entries[512];
    const UniqueFd pagemap(static_cast<int>(raw_syscall(SYS_openat, AT_FDCWD, arg(kPagemap), O_RDONLY | O_CLOEXEC)));
    const auto address = reinterpret_cast<std::uintptr_t>(start);
    const std::uintptr_t end = (address + len_bytes + kPageBytes - 1) / kPageBytes;
    for (std::uintptr_t page = address / kPageBytes; page < end;) {
        const std::size_t wanted = std::min<std::size_t>(std::size(entries), end - page);
        const long got =
            raw_syscall(SYS_pread64, pagemap.get(), arg(entries), static_cast<long>(wanted * sizeof(entries[0])),
                        static_cast<long>(page * sizeof(entries[0])));
        const std::size_t count = got > 0 ? static_cast<std::size_t>(got) / sizeof(entries[0]) : 0;
        if (count == 0) {
            return;
        }
        for (std::size_t i = 0; i < count;) {
            const std::size_t first = i;
            while (i < count && is_clean(entries[i])) {
                ++i;
            }
            if (i != first) {
                forget(page + first, i - first);
            }
            i += i < count ? 1 : 0;
        }
        page += count;
    }
}

}  // namespace alp
