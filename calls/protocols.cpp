// SPDX-License-Identifier: GPL-2.0
#include "calls/protocols.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <charconv>

#include "calls/entry.h"
#include "calls/stack_call.h"

namespace alp::calls {

namespace {

constexpr std::size_t kLineRoom = 256; /* a line has some 115 bytes */

/// Hands on lines, either those about Unix sockets or all others.
class Lines {
public:
    Lines(long to, bool unix_sockets) : to_(to), unix_sockets_(unix_sockets) {}

    void take(const char* text, long len) {
        for (long i = 0; i < len; ++i) {
            if (used_ < sizeof(line_)) {
                line_[used_++] = text[i];
            }
            if (text[i] == '\n') {
                end_line();
            }
        }
    }

private:
    void end_line() {
        static constexpr char kUnix[] = "UNIX";
        if ((strncmp(line_, kUnix, sizeof(kUnix) - 1) == 0) == unix_sockets_) {
            raw_syscall(SYS_write, to_, arg(line_), static_cast<long>(used_));
        }
        used_ = 0;
    }

    long to_;
    bool unix_sockets_;
    std::size_t used_ = 0;
    char line_[kLineRoom] = {};
};

template <typename Read>
long copy(Lines lines, Read read) {
    char part[kLineRoom];
    for (;;) {
        const long len = read(part);
        if (len <= 0) {
            return len;
        }
        lines.take(part, len);
    }
}

long copy_from_host(const char* path, long to) {
    const long list = raw_syscall(SYS_openat, AT_FDCWD, arg(path), O_RDONLY | O_CLOEXEC);
    if (list < 0) {
        return list;
    }
    const long error =
        copy(Lines(to, true), [&](char* part) { return raw_syscall(SYS_read, list, arg(part), kLineRoom); });
    raw_syscall(SYS_close, list);
    return error;
}

/// Leaves at `fd`, instead of what was written to it, the same to be read from its beginning, and no more than read.
long make_readable(long fd, int flags) {
    char path[32] = "/proc/self/fd/";
    char* const number = path + strlen(path);
    *std::to_chars(number, path + sizeof(path) - 1, fd).ptr = '\0';
    const long again = raw_syscall(SYS_openat, AT_FDCWD, arg(path), O_RDONLY | O_CLOEXEC);
    if (again < 0) {
        return again;
    }
    const long put = raw_syscall(SYS_dup3, again, fd, flags & O_CLOEXEC);
    raw_syscall(SYS_close, again);
    return put < 0 ? put : 0;
}

}  // namespace

long new_protocols() { return raw_syscall(SYS_memfd_create, arg("protocols"), MFD_CLOEXEC); }

long merge_protocols(long fd, long in_stack, const char* path, int flags) {
    const auto read = [&](char* part) { return stack_call(SYS_read, in_stack, arg(part), kLineRoom); };
    long error = copy(Lines(fd, false), read);
    if (error >= 0) {
        error = copy_from_host(path, fd);
    }
    return error < 0 ? error : make_readable(fd, flags);
}

}  // namespace alp::calls
