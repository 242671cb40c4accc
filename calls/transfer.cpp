// SPDX-License-Identifier: GPL-2.0
// sendfile, splice and tee: data from one descriptor to another without passing the program.
//
// Between a host file or pipe and a stack socket there is no kernel that owns both ends, so the data passes a
// buffer here. The semantics are kept: offsets move by what was sent, and what was taken out of a pipe is sent.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/guard.h"
#include "calls/send.h"
#include "calls/stack_call.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

constexpr std::size_t kBufferBytes = 32 * 1024; /* on the caller's stack, which may be a small thread's */
constexpr std::size_t kMaxCount = 0x7ffff000;   /* MAX_RW_COUNT */

/// Of `count` bytes from `position`, those that the file has by now; all of them where it is no ordinary file.
std::size_t bytes_there(int file, off_t position, std::size_t count) {
    struct stat status {};
    if (raw_syscall(SYS_fstat, file, arg(&status)) < 0 || !S_ISREG(status.st_mode)) {
        return count;
    }
    return std::min(count, static_cast<std::size_t>(std::max<off_t>(status.st_size - position, 0)));
}

/// Sends up to `count` bytes of the host file from `position`. Bytes sent or -errno. As the kernel's own, it says of
/// all pieces but the last that there is more: they go out in packets as large as can be.
long copy_file_to_socket(int out, int in, off_t position, std::size_t count) {
    alignas(64) char buffer[kBufferBytes];
    const std::size_t there = count > kBufferBytes ? bytes_there(in, position, count) : 0;
    std::size_t sent = 0;
    while (sent < count) {
        const std::size_t wanted = std::min(count - sent, sizeof(buffer));
        const long have = sys_pread64(in, buffer, wanted, position + static_cast<off_t>(sent));
        if (have <= 0) {
            return sent > 0 || have == 0 ? static_cast<long>(sent) : have;
        }
        const int more = sent + static_cast<std::size_t>(have) < there ? MSG_MORE : 0;
        const long done = send_to(out, buffer, static_cast<std::size_t>(have), more, nullptr, 0);
        if (done < 0) {
            return sent > 0 ? static_cast<long>(sent) : done;
        }
        sent += static_cast<std::size_t>(done);
        if (done < have) {
            break;
        }
    }
    return static_cast<long>(sent);
}

long send_file(int out, int in, off_t* offset, std::size_t count) {
    if (is_stack_socket(in)) {
        return -EINVAL;  // sendfile(2): the source must support mmap-like operations
    }
    off_t position = 0;
    if (offset != nullptr && !guarded_copy(&position, offset, sizeof(position))) {
        return -EFAULT;
    }
    if (offset == nullptr) {
        position = sys_lseek(in, 0, SEEK_CUR);
    }
    if (position < 0) {
        return position == -ESPIPE || offset != nullptr ? -EINVAL : position;
    }
    const long sent = copy_file_to_socket(out, in, position, std::min(count, kMaxCount));
    if (sent > 0) {
        position += sent;
        if (offset == nullptr) {
            sys_lseek(in, position, SEEK_SET);
        } else if (!guarded_copy(offset, &position, sizeof(position))) {
            return -EFAULT;
        }
    }
    return sent == -ESPIPE || sent == -EISDIR ? -EINVAL : sent;
}

bool is_pipe(int fd) { return raw_syscall(SYS_fcntl, fd, F_GETPIPE_SZ) > 0; }

/// Sends all of it, waiting for room even on a non-blocking socket: it has left its pipe already.
long send_all(int out, const char* data, std::size_t len, int flags) {
    std::size_t sent = 0;
    while (sent < len) {
        const long done = send_to(out, data + sent, len - sent, flags, nullptr, 0);
        if (done == -EAGAIN) {
            pollfd writable{out, POLLOUT, 0};
            stack_call(SYS_poll, arg(&writable), 1, -1);
        } else if (done < 0) {
            return sent > 0 ? static_cast<long>(sent) : done;
        } else {
            sent += static_cast<std::size_t>(done);
        }
    }
    return static_cast<long>(sent);
}

long pipe_to_socket(int in, int out, std::size_t len, unsigned flags) {
    alignas(64) char buffer[kBufferBytes];
    // What leaves the pipe must not be lost: a stream that cannot send says so when it is given nothing.
    if (file_of(out)->type == SOCK_STREAM) {
        const long error = send_to(out, "", 0, MSG_DONTWAIT, nullptr, 0);
        if (error < 0 && error != -EAGAIN) {
            return error;
        }
    }
    pollfd writable{out, POLLOUT, 0};
    if (file_of(out)->nonblocking && stack_call(SYS_poll, arg(&writable), 1, 0) <= 0) {
        return -EAGAIN;
    }
    pollfd readable{in, POLLIN, 0};
    if ((flags & SPLICE_F_NONBLOCK) != 0 && raw_syscall(SYS_poll, arg(&readable), 1, 0) <= 0) {
        return -EAGAIN;
    }
    const long have = host_call(SYS_read, in, arg(buffer), static_cast<long>(std::min(len, sizeof(buffer))));
    const int more = (flags & SPLICE_F_MORE) != 0 ? MSG_MORE : 0;
    return have <= 0 ? have : send_all(out, buffer, static_cast<std::size_t>(have), more);
}

/// Room in a pipe, as far as it can be told from outside.
std::size_t pipe_room(int pipe) {
    int used = 0;
    const long size = raw_syscall(SYS_fcntl, pipe, F_GETPIPE_SZ);
    raw_syscall(SYS_ioctl, pipe, FIONREAD, arg(&used));
    return size > used ? static_cast<std::size_t>(size - used) : 0;
}

long socket_to_pipe(int in, int out, std::size_t len, unsigned flags) {
    alignas(64) char buffer[kBufferBytes];
    pollfd writable{out, POLLOUT, 0};
    const long ready = host_call(SYS_poll, arg(&writable), 1, (flags & SPLICE_F_NONBLOCK) != 0 ? 0 : -1);
    if (ready <= 0) {
        return ready < 0 ? ready : -EAGAIN;
    }
    // A pipe that polls writable takes at least a page.
    const std::size_t room = std::clamp<std::size_t>(pipe_room(out), 4096, sizeof(buffer));
    // SPLICE_F_NONBLOCK is about the pipe; whether to wait for the socket is said by its own O_NONBLOCK.
    const long have =
        stack_call_cancellable(SYS_recvfrom, in, arg(buffer), static_cast<long>(std::min(len, room)), 0, 0, 0);
    for (long written = 0; written < have;) {
        const long done = raw_syscall(SYS_write, out, arg(buffer + written), have - written);
        if (done < 0 && done != -EAGAIN && done != -EINTR) {
            return written > 0 ? written : done;
        }
        written += done > 0 ? done : 0;
        if (done == -EAGAIN) {
            raw_syscall(SYS_poll, arg(&writable), 1, -1);
        }
    }
    // A record of kTLS that is no data: EIO to recv() without room for its type, EINVAL to splice() (net/tls/tls_sw.c).
    return have == -EIO ? -EINVAL : have;
}

/// May this end of a pipe be read, or written?
bool has_mode(int pipe, int mode) {
    const long flags = raw_syscall(SYS_fcntl, pipe, F_GETFL);
    return (flags & O_ACCMODE) == mode || (flags & O_ACCMODE) == O_RDWR;
}

/// In the order in which fs/splice.c finds fault.
long splice_with_socket(int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t len, unsigned flags) {
    constexpr unsigned kFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;
    if (len == 0) {
        return 0;
    }
    if ((flags & ~kFlags) != 0) {
        return -EINVAL;
    }
    if (is_host(in) && raw_syscall(SYS_fcntl, in, F_GETFD) < 0) {
        return -EBADF;
    }
    if (is_host(out) && raw_syscall(SYS_fcntl, out, F_GETFD) < 0) {
        return -EBADF;
    }
    if (is_host(in) && is_pipe(in)) {
        if (!has_mode(in, O_RDONLY)) {
            return -EBADF;
        }
        return in_offset != nullptr ? -ESPIPE : out_offset != nullptr ? -EINVAL : pipe_to_socket(in, out, len, flags);
    }
    if (is_host(out) && is_pipe(out)) {
        if (!has_mode(out, O_WRONLY)) {
            return -EBADF;
        }
        return out_offset != nullptr ? -ESPIPE : in_offset != nullptr ? -EINVAL : socket_to_pipe(in, out, len, flags);
    }
    return -EINVAL;  // splice(2): neither is a pipe
}

}  // namespace

ALPINE_SYSTEM_CALL(ssize_t, sendfile, (int out, int in, off_t* offset, std::size_t count), (out, in, offset, count)) {
    if (is_stack_socket(out)) {
        return send_file(out, in, offset, count);
    }
    return !is_host(in) ? -EINVAL : raw_syscall(SYS_sendfile, out, in, arg(offset), static_cast<long>(count));
}
ALPINE_ALIAS(sendfile64, sendfile);

ALPINE_SYSTEM_CALL(ssize_t, splice,
                   (int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t len, unsigned flags),
                   (in, in_offset, out, out_offset, len, flags)) {
    if (is_stack_socket(in) || is_stack_socket(out)) {
        return splice_with_socket(in, in_offset, out, out_offset, len, flags);
    }
    return host_call(SYS_splice, in, arg(in_offset), out, arg(out_offset), static_cast<long>(len), flags);
}

ALPINE_SYSTEM_CALL(ssize_t, tee, (int in, int out, std::size_t len, unsigned flags), (in, out, len, flags)) {
    if (!is_host(in) || !is_host(out)) {
        return -EINVAL;  // tee(2): both must be pipes
    }
    return host_call(SYS_tee, in, out, static_cast<long>(len), flags);
}

}  // namespace alp::calls
