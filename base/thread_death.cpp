// SPDX-License-Identifier: GPL-2.0
#include "base/thread_death.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/raw_syscall.h"
#include "base/unique_fd.h"

namespace alp {

namespace {

/// "/proc/ID/stat". Without libc: the caller may be anywhere.
void stat_path(char* path, std::uint32_t id) {
    char digits[12];
    int count = 0;
    do {
        digits[count++] = static_cast<char>('0' + id % 10);
        id /= 10;
    } while (id != 0);
    for (const char* part = "/proc/"; *part != '\0';) {
        *path++ = *part++;
    }
    while (count > 0) {
        *path++ = digits[--count];
    }
    for (const char* part = "/stat"; *part != '\0';) {
        *path++ = *part++;
    }
    *path = '\0';
}

}  // namespace

bool is_dead(std::uint32_t id) {
    if (id == 0) {
        return true;
    }
    if (raw_syscall(SYS_kill, static_cast<long>(id), 0) == -ESRCH) {
        return true;
    }
    char path[32];
    stat_path(path, id);
    const UniqueFd file(static_cast<int>(raw_syscall(SYS_openat, AT_FDCWD, arg(path), O_RDONLY | O_CLOEXEC)));
    char text[128];
    const long len = raw_syscall(SYS_read, file.get(), arg(text), sizeof(text));
    // proc(5): the state is the letter behind the name, which stands in parentheses and may hold some itself.
    for (long i = len - 3; i > 0; --i) {
        if (text[i] == ')') {
            return text[i + 2] == 'Z' || text[i + 2] == 'X';
        }
    }
    return !file.valid() && raw_syscall(SYS_kill, static_cast<long>(id), 0) == -ESRCH;
}

}  // namespace alp
