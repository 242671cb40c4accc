// SPDX-License-Identifier: GPL-2.0
// mmap: code that is mapped from a file is looked through for call sites; what the stack has can be mapped where the
// stack can share it.
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>

#include "abi/stack.h"
#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/rings.h"
#include "calls/sites.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

/// The part of a mapping that has the file behind it; touching the rest would raise SIGBUS.
std::size_t backed_bytes(int fd, off_t offset, std::size_t len) {
    struct stat status {};
    if (raw_syscall(SYS_fstat, fd, arg(&status)) < 0 || !S_ISREG(status.st_mode) || status.st_size <= offset) {
        return 0;
    }
    return std::min(len, static_cast<std::size_t>(status.st_size - offset));
}

/// Is this a library's text, private to the process? (Not the stack's image, in which no call site is.)
bool is_text(long address, int protection, int flags) {
    constexpr int kText = PROT_READ | PROT_EXEC;
    return (protection & (kText | PROT_WRITE)) == kText && (flags & (MAP_PRIVATE | MAP_ANONYMOUS)) == MAP_PRIVATE &&
           !(address >= static_cast<long>(ALPINE_IMAGE_BASE) &&
             address < static_cast<long>(ALPINE_IMAGE_BASE) + (1L << 46));
}

}  // namespace

long sys_mmap(void* address, std::size_t len, int protection, int flags, int fd, off_t offset) {
    if ((flags & MAP_ANONYMOUS) == 0 && is_in_stack(fd)) {
        return map_ring(fd, address, len, protection, flags, offset);
    }
    const long mapped =
        raw_syscall(SYS_mmap, arg(address), static_cast<long>(len), protection, flags, fd, static_cast<long>(offset));
    if (!is_errno(mapped) && is_text(mapped, protection, flags)) {
        take_over_text(reinterpret_cast<void*>(mapped), backed_bytes(fd, offset, len));
    }
    return mapped;
}

long sys_munmap(void* address, std::size_t len) {
    const long result = raw_syscall(SYS_munmap, arg(address), static_cast<long>(len));
    if (result == 0) {
        note_unmapped(address, len);
    }
    return result;
}

}  // namespace alp::calls
