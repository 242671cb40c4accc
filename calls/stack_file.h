// SPDX-License-Identifier: GPL-2.0
// A descriptor of kind `file`: something of the stack's that is no socket.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "calls/descriptors.h"
#include "calls/entry.h"

namespace alp::calls {

/// Takes a number on the host and makes the stack's file at it: make(fd), which answers as a call does. Returns the
/// number or -errno. flags: O_CLOEXEC, O_NONBLOCK.
template <typename Make>
long place_stack_file(int flags, Make make) {
    OpenFile* file = new_file();
    if (file == nullptr) {
        return -ENOMEM;
    }
    file->nonblocking = (flags & O_NONBLOCK) != 0;
    // What passes Alpine by finds a descriptor that can do nothing (open(2), O_PATH).
    const long fd = raw_syscall(SYS_openat, AT_FDCWD, arg("/"), O_PATH | (flags & O_CLOEXEC));
    if (fd < 0 || fd >= kTableSize) {
        recycle(file);
        return fd < 0 ? fd : -EMFILE;
    }
    const long made = make(fd);
    if (made < 0) {
        raw_syscall(SYS_close, fd);
        recycle(file);
        return made;
    }
    install(static_cast<int>(fd), Kind::file, file);
    return fd;
}

}  // namespace alp::calls
