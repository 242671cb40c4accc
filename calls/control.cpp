// SPDX-License-Identifier: GPL-2.0
// fcntl, ioctl and socket options.
//
// The stack answers for its sockets. The host hears of what concerns the number (close-on-exec) and of the few
// options by which it judges the bind() of the dummy.
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "abi/stack_calls.h"
#include "calls/binding.h"
#include "calls/descriptor_calls.h"
#include "calls/descriptors.h"
#include "calls/dummy.h"
#include "calls/entry.h"
#include "calls/groups.h"
#include "calls/owner.h"
#include "calls/process.h"
#include "calls/stack_call.h"
#include "calls/startup.h"
#include "calls/system_calls.h"

namespace alp::calls {

namespace {

constexpr int kSctpBindxAdd = 100;    /* SCTP_SOCKOPT_BINDX_ADD, linux/sctp.h */
constexpr int kSctpConnectxOld = 107; /* SCTP_SOCKOPT_CONNECTX_OLD */
constexpr int kSctpConnectx = 110;    /* SCTP_SOCKOPT_CONNECTX */
constexpr int kSctpConnectx3 = 111;   /* SCTP_SOCKOPT_CONNECTX3, by getsockopt */

/// fcntl() on an epoll instance: the host has its flags; only duplication concerns the stack too.
long control_epoll(int fd, int command, long argument) {
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) {
        return duplicate_from(fd, command, static_cast<int>(argument));
    }
    return host_call_on(SYS_fcntl, fd, command, argument);
}

long control_socket(int fd, int command, long argument) {
    switch (command) {
        case F_DUPFD:
        case F_DUPFD_CLOEXEC:
            return duplicate_from(fd, command, static_cast<int>(argument));
        case F_GETFD:
        case F_SETFD:
            return raw_call_on(SYS_fcntl, fd, command, argument);
        case F_SETFL: {
            const long result = stack_call(SYS_fcntl, fd, command, argument);
            if (result == 0) {
                file_of(fd)->nonblocking = (argument & O_NONBLOCK) != 0;
            }
            return result;
        }
        default:
            return is_owner_command(command) ? control_owner(fd, command, argument)
                                             : stack_call(SYS_fcntl, fd, command, argument);
    }
}

}  // namespace

long sys_fcntl(int fd, int command, long argument) {
    if (__builtin_expect(is_vfork_child(), 0) && (command == F_DUPFD || command == F_DUPFD_CLOEXEC)) {
        return is_private(fd) ? refuse(-EBADF, kPrivateReason)
                              : vfork_child_dup(fd, command, static_cast<int>(argument));
    }
    switch (kind_of(fd)) {
        case Kind::host:
            if (is_private(fd)) {
                return refuse(-EBADF, kPrivateReason);
            }
            return command == F_SETLKW || command == F_OFD_SETLKW ? host_call(SYS_fcntl, fd, command, argument)
                                                                  : raw_syscall(SYS_fcntl, fd, command, argument);
        case Kind::socket:
        case Kind::file:
            return control_socket(fd, command, argument);
        default:
            return control_epoll(fd, command, argument);
    }
}

namespace {

/// Requests about network devices (<linux/sockios.h>), which any socket takes: if_nametoindex(3) asks a Unix one.
bool is_about_devices(unsigned long request) { return request >= SIOCGIFNAME && request < SIOCPROTOPRIVATE; }

bool is_host_socket(int fd) {
    struct stat status {};
    return raw_call_on(SYS_fstat, fd, arg(&status)) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

long sys_ioctl(int fd, unsigned long request, void* argument) {
    if (is_about_devices(request) && !is_in_stack(fd) && is_host_socket(fd)) {
        const long error = ensure_stack();
        return error < 0 ? error : stack_call(ALPINE_NR_device_ioctl, static_cast<long>(request), arg(argument));
    }
    if (!is_in_stack(fd)) {
        return raw_call_on(SYS_ioctl, fd, static_cast<long>(request), arg(argument));
    }
    if (request == FIOCLEX || request == FIONCLEX) {
        return raw_call_on(SYS_ioctl, fd, static_cast<long>(request), arg(argument));
    }
    if (is_owner_request(request)) {
        return control_owner_device(fd, request, argument);
    }
    const long result = stack_call(SYS_ioctl, fd, static_cast<long>(request), arg(argument));
    if (request == FIONBIO && result == 0) {
        file_of(fd)->nonblocking = *static_cast<int*>(argument) != 0;
    }
    return result;
}

namespace {

/// Options that bind or connect as a side effect. 0 or -errno.
long before_option(int fd, OpenFile& file, int level, int option, const void* value, socklen_t len) {
    if (level != IPPROTO_SCTP || file.has_port) {
        return 0;
    }
    if (option == kSctpConnectxOld || option == kSctpConnectx || option == kSctpConnectx3) {
        return ensure_port(fd, file);
    }
    if (option == kSctpBindxAdd) {
        // The first address binds the socket like bind(); the stack would answer EINVAL to it a second time, so
        // bindx() on an unbound socket needs its port claimed by hand: on the wildcard, which covers them all.
        return value != nullptr && len >= sizeof(sockaddr_in) ? claim_port(file, static_cast<const sockaddr*>(value))
                                                              : 0;
    }
    return 0;
}

/// What must be remembered of an option that the stack has accepted.
void after_option(int fd, OpenFile& file, int level, int option, const void* value, socklen_t len) {
    if (level == SOL_SOCKET && option == SO_RCVTIMEO && len >= sizeof(timeval)) {
        file.accept_timeout_ms = to_milliseconds(*static_cast<const timeval*>(value));
    }
    if (file.host_bindable && !file.has_port) {
        mirror_option(fd, level, option, value, len);
    }
}

long set_option(int fd, int level, int option, const void* value, socklen_t len) {
    OpenFile& file = *file_of(fd);
    long result = before_option(fd, file, level, option, value, len);
    if (result == 0) {
        result = stack_call(SYS_setsockopt, fd, level, option, arg(value), len);
    }
    if (result == 0) {
        after_option(fd, file, level, option, value, len);
    }
    if (result == 0 && changes_groups(level, option)) {
        return mirror_groups(file, level, option, value, len);
    }
    return result;
}

long get_option(int fd, int level, int option, void* value, socklen_t* len) {
    const long error = before_option(fd, *file_of(fd), level, option, nullptr, 0);
    return error < 0 ? error : stack_call(SYS_getsockopt, fd, level, option, arg(value), arg(len));
}

}  // namespace

ALPINE_CALL(int, fcntl, int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    const long argument = va_arg(arguments, long);
    va_end(arguments);
    const ByName call(SYS_fcntl);
    return answer(call.done(sys_fcntl(fd, command, argument)));
}
ALPINE_ALIAS(fcntl64, fcntl);

ALPINE_CALL(int, ioctl, int fd, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    const ByName call(SYS_ioctl);
    return answer(call.done(sys_ioctl(fd, request, argument)));
}

ALPINE_SYSTEM_CALL(int, setsockopt, (int fd, int level, int option, const void* value, socklen_t len),
                   (fd, level, option, value, len)) {
    if (is_stack_socket(fd)) {
        return set_option(fd, level, option, value, len);
    }
    return raw_call_on(SYS_setsockopt, fd, level, option, arg(value), len);
}

ALPINE_SYSTEM_CALL(int, getsockopt, (int fd, int level, int option, void* value, socklen_t* len),
                   (fd, level, option, value, len)) {
    if (is_stack_socket(fd)) {
        return get_option(fd, level, option, value, len);
    }
    return raw_call_on(SYS_getsockopt, fd, level, option, arg(value), arg(len));
}

}  // namespace alp::calls
