// SPDX-License-Identifier: GPL-2.0
// Paths that lead into the stack: its /proc/net, /proc/sys/net and /sys/class/net.
//
// A program that reads /proc/net/tcp or writes to /proc/sys/net/... means the network stack it runs on. Such a path
// goes to the stack's own proc and sysfs; an open() of one gives a descriptor of kind `file`. A path relative to such
// a descriptor (a folder) goes there too. All other paths are the host's. To look at a path costs two bytes of it when
// it does not begin with /p or /s.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "abi/stack_calls.h"
#include "calls/descriptors.h"
#include "calls/entry.h"
#include "calls/guard.h"
#include "calls/protocols.h"
#include "calls/stack_call.h"
#include "calls/stack_file.h"
#include "calls/startup.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

constexpr std::size_t kPrefixRoom = 64; /* of a path, what decides */
constexpr std::size_t kPathRoom = 4096; /* PATH_MAX */

constexpr const char* kFolders[] = {
    "/proc/net",     "/proc/self/net", "/proc/thread-self/net",
    "/proc/sys/net", "/sys/class/net", "/sys/devices/virtual/net",
};

/// Does `path` name `folder` or something in it?
bool lies_in(const char* path, const char* folder) {
    const std::size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

bool ends_with(const char* path, const char* end) {
    const std::size_t len = strlen(path);
    const std::size_t end_len = strlen(end);
    return len >= end_len && strcmp(path + len - end_len, end) == 0;
}

/// Unix sockets are the host's, and so is the list of them.
bool lists_unix_sockets(const char* path) { return ends_with(path, "/net/unix"); }

/// "/proc/PID/net..." of this very process: what follows PID; otherwise null.
const char* behind_own_pid(const char* path) {
    if (strncmp(path, "/proc/", 6) != 0 || path[6] < '1' || path[6] > '9') {
        return nullptr;
    }
    long pid = 0;
    const char* at = path + 6;
    for (; *at >= '0' && *at <= '9' && pid < 1L << 32; ++at) {
        pid = pid * 10 + (*at - '0');
    }
    return pid == raw_syscall(SYS_getpid) && lies_in(at, "/net") ? at : nullptr;
}

/// Where a path of the program's leads.
class Path {
public:
    Path(int folder, const char* path) : path_(path) {
        char start[kPrefixRoom];
        start[0] = '\0';
        if (guarded_string(start, path, 2) == -EFAULT) {
            return;
        }
        if (start[0] != '/') {
            in_stack_ = kind_of(folder) == Kind::file;
            return;
        }
        // Two bytes without their end: the copy stops as "too long".
        if (start[1] != 'p' && start[1] != 's') {
            return;
        }
        static_cast<void>(guarded_string(start, path, sizeof(start)));
        start[sizeof(start) - 1] = '\0';
        if (lists_unix_sockets(start)) {
            return;
        }
        for (const char* ours : kFolders) {
            in_stack_ = in_stack_ || lies_in(start, ours);
        }
        if (const char* behind = behind_own_pid(start); behind != nullptr) {
            in_stack_ = true;
            skip_ = static_cast<std::size_t>(behind - start);
        }
        lists_protocols_ = in_stack_ && ends_with(start, "/net/protocols");
    }

    [[nodiscard]] bool in_stack() const { return in_stack_; }

    /// Is it a list to which both kernels have something to say (protocols.h)?
    [[nodiscard]] bool lists_protocols() const { return lists_protocols_; }

    /// The path as the stack knows it. Null, with EFAULT or ENAMETOOLONG to answer, when it cannot be read.
    const char* get() {
        if (skip_ == 0) {
            return path_;
        }
        static constexpr char kProc[] = "/proc";
        memcpy(rewritten_, kProc, sizeof(kProc) - 1);
        error_ = guarded_string(rewritten_ + sizeof(kProc) - 1, path_ + skip_, sizeof(rewritten_) - sizeof(kProc));
        return error_ < 0 ? nullptr : rewritten_;
    }

    /// Makes a call on the stack, one of whose arguments is the path: call(path as an argument).
    template <typename Call>
    long ask_stack(Call call) {
        const long error = ensure_stack();
        if (error < 0) {
            return error;
        }
        const char* path = get();
        return path == nullptr ? error_ : call(arg(path));
    }

private:
    const char* path_;
    bool in_stack_ = false;
    bool lists_protocols_ = false;
    std::size_t skip_ = 0;
    long error_ = 0;
    char rewritten_[kPathRoom];
};

long open_in_stack(int folder, long path, int flags, unsigned mode) {
    return place_stack_file(flags,
                            [&](long fd) { return stack_call(ALPINE_NR_open_at, fd, folder, path, flags, mode); });
}

long open_protocols(Path& where, const char* path, int flags) {
    const long fd = new_protocols();
    if (fd < 0) {
        return fd;
    }
    const long in_stack = where.ask_stack([](long in) { return open_in_stack(AT_FDCWD, in, O_RDONLY | O_CLOEXEC, 0); });
    const long error = in_stack < 0 ? in_stack : merge_protocols(fd, in_stack, path, flags);
    if (in_stack >= 0) {
        sys_close(static_cast<int>(in_stack));
    }
    if (error < 0) {
        raw_syscall(SYS_close, fd);
        return error;
    }
    return fd;
}

}  // namespace

long sys_openat(int folder, const char* path, int flags, unsigned mode) {
    Path where(folder, path);
    if (where.lists_protocols() && (flags & (O_ACCMODE | O_PATH | O_DIRECTORY)) == O_RDONLY) {
        return open_protocols(where, path, flags);
    }
    if (where.in_stack()) {
        return where.ask_stack([&](long in) { return open_in_stack(folder, in, flags, mode); });
    }
    return host_call(SYS_openat, folder, arg(path), flags, mode);
}

long sys_open(const char* path, int flags, unsigned mode) { return sys_openat(AT_FDCWD, path, flags, mode); }

long sys_creat(const char* path, unsigned mode) {
    return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

long sys_openat2(int folder, const char* path, const void* how, std::size_t len) {
    Path where(folder, path);
    struct {
        std::uint64_t flags;
        std::uint64_t mode;
        std::uint64_t resolve;
    } copy{};
    if (where.in_stack() && len == sizeof(copy)) {
        if (!guarded_copy(&copy, how, sizeof(copy))) {
            return -EFAULT;
        }
        return where.ask_stack([&](long in) {
            return open_in_stack(folder, in, static_cast<int>(copy.flags), static_cast<unsigned>(copy.mode));
        });
    }
    return host_call(SYS_openat2, folder, arg(path), arg(how), static_cast<long>(len));
}

long sys_newfstatat(int folder, const char* path, void* status, int flags) {
    Path where(folder, path);
    if (where.in_stack()) {
        return where.ask_stack([&](long in) { return stack_call(SYS_newfstatat, folder, in, arg(status), flags); });
    }
    return raw_syscall(SYS_newfstatat, folder, arg(path), arg(status), flags);
}

long sys_stat(const char* path, void* status) { return sys_newfstatat(AT_FDCWD, path, status, 0); }

long sys_lstat(const char* path, void* status) { return sys_newfstatat(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW); }

long sys_statx(int folder, const char* path, int flags, unsigned mask, void* status) {
    Path where(folder, path);
    if (where.in_stack()) {
        return where.ask_stack([&](long in) { return stack_call(SYS_statx, folder, in, flags, mask, arg(status)); });
    }
    return raw_syscall(SYS_statx, folder, arg(path), flags, mask, arg(status));
}

long sys_faccessat2(int folder, const char* path, int mode, int flags) {
    Path where(folder, path);
    if (where.in_stack()) {
        return where.ask_stack([&](long in) { return stack_call(SYS_faccessat2, folder, in, mode, flags); });
    }
    return raw_syscall(SYS_faccessat2, folder, arg(path), mode, flags);
}

long sys_faccessat(int folder, const char* path, int mode) {
    Path where(folder, path);
    if (where.in_stack()) {
        return where.ask_stack([&](long in) { return stack_call(SYS_faccessat, folder, in, mode); });
    }
    return raw_syscall(SYS_faccessat, folder, arg(path), mode);
}

long sys_access(const char* path, int mode) { return sys_faccessat(AT_FDCWD, path, mode); }

long sys_readlinkat(int folder, const char* path, char* buffer, std::size_t len) {
    Path where(folder, path);
    if (where.in_stack()) {
        return where.ask_stack(
            [&](long in) { return stack_call(SYS_readlinkat, folder, in, arg(buffer), static_cast<long>(len)); });
    }
    return raw_syscall(SYS_readlinkat, folder, arg(path), arg(buffer), static_cast<long>(len));
}

long sys_readlink(const char* path, char* buffer, std::size_t len) {
    return sys_readlinkat(AT_FDCWD, path, buffer, len);
}

}  // namespace alp::calls
