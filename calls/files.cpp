// SPDX-License-Identifier: GPL-2.0
// What is asked of a file of the stack (paths.cpp) beside reading and writing. The host's dummies of sockets answer
// these like any socket.
#include <errno.h>
#include <sys/syscall.h>

#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

/// Makes the call on the kernel that has the file.
long ask(long number, int fd, long b = 0, long c = 0, long d = 0) {
    return kind_of(fd) == Kind::file ? stack_call(number, fd, b, c, d) : raw_call_on(number, fd, b, c, d);
}

}  // namespace

long sys_fstat(int fd, void* status) { return ask(SYS_fstat, fd, arg(status)); }

long sys_lseek(int fd, off_t offset, int whence) { return ask(SYS_lseek, fd, offset, whence); }

long sys_getdents64(int fd, void* buffer, std::size_t len) {
    return ask(SYS_getdents64, fd, arg(buffer), static_cast<long>(len));
}

long sys_pread64(int fd, void* buffer, std::size_t len, off_t offset) {
    if (kind_of(fd) == Kind::file) {
        return stack_call(SYS_pread64, fd, arg(buffer), static_cast<long>(len), offset);
    }
    return host_call_on(SYS_pread64, fd, arg(buffer), static_cast<long>(len), offset);
}

long sys_pwrite64(int fd, const void* buffer, std::size_t len, off_t offset) {
    if (kind_of(fd) == Kind::file) {
        return stack_call(SYS_pwrite64, fd, arg(buffer), static_cast<long>(len), offset);
    }
    return host_call_on(SYS_pwrite64, fd, arg(buffer), static_cast<long>(len), offset);
}

long sys_copy_file_range(int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t len, unsigned flags) {
    if (is_in_stack(in) || is_in_stack(out)) {
        // copy_file_range(2): no regular file, or not of one file system. Programs then read and write.
        return refuse(is_stack_socket(in) || is_stack_socket(out) ? -EINVAL : -EXDEV, "the two ends have two kernels");
    }
    return host_call(SYS_copy_file_range, in, arg(in_offset), out, arg(out_offset), static_cast<long>(len), flags);
}

long sys_io_uring_setup(unsigned, void*) {
    return refuse(-ENOSYS, "a ring would reach the host's half of a socket; libraries fall back to plain calls");
}

}  // namespace alp::calls
