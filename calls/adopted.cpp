// SPDX-License-Identifier: GPL-2.0
#include "calls/adopted.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "calls/claims.h"
#include "calls/descriptors.h"
#include "calls/dummy.h"
#include "calls/endpoint.h"
#include "calls/groups.h"
#include "calls/stack_call.h"

namespace alp::calls {

namespace {

int option_in_stack(int fd, int option) {
    int value = 0;
    socklen_t len = sizeof(value);
    stack_call(SYS_getsockopt, fd, SOL_SOCKET, option, arg(&value), arg(&len));
    return value;
}

int option_on_host(int fd, int option) {
    int value = -1;
    socklen_t len = sizeof(value);
    raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, option, arg(&value), arg(&len));
    return value;
}

bool dummy_has_port(int fd) {
    sockaddr_in6 name{};
    socklen_t len = sizeof(name);
    return raw_syscall(SYS_getsockname, fd, arg(&name), arg(&len)) == 0 && name.sin6_port != 0;
}

void find_port(int fd, OpenFile& file) {
    file.host_bindable = option_on_host(fd, SO_DOMAIN) == file.family && option_on_host(fd, SO_TYPE) == file.type;
    file.dummy_bound = file.host_bindable && dummy_has_port(fd);
    sockaddr_storage bound{};
    socklen_t len = sizeof(bound);
    if (stack_call(SYS_getsockname, fd, arg(&bound), arg(&len)) < 0) {
        return;
    }
    const alpine_endpoint endpoint = endpoint_of(file.protocol, bound);
    if (endpoint.key.port_be != 0) {
        file.has_port = true;
        file.port_chosen = true;
        find_claim(file, endpoint);
    }
}

void describe_socket(int fd, OpenFile& file) {
    describe(file, option_in_stack(fd, SO_DOMAIN), option_in_stack(fd, SO_TYPE), option_in_stack(fd, SO_PROTOCOL));
    file.listening = option_in_stack(fd, SO_ACCEPTCONN) != 0;
    timeval timeout{};
    socklen_t len = sizeof(timeout);
    stack_call(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, arg(&timeout), arg(&len));
    file.accept_timeout_ms = to_milliseconds(timeout);
    if (file.ports) {
        find_port(fd, file);
    }
}

Kind kind_in_stack(int fd) {
    struct stat status {};
    stack_call(SYS_fstat, fd, arg(&status));
    return S_ISSOCK(status.st_mode)                             ? Kind::socket
           : S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) ? Kind::file
                                                                : Kind::mixed_epoll;
}

}  // namespace

long open_in_stack(int from, unsigned char (&bits)[kOpenBytes]) {
    return stack_call(ALPINE_NR_open_descriptors, from, arg(bits), sizeof(bits));
}

long take_up_stack_descriptor(int fd) {
    OpenFile* file = fd < kTableSize ? new_file() : nullptr;
    if (file == nullptr) {
        stack_call(SYS_close, fd);
        return fd < kTableSize ? -ENOMEM : -EMFILE;
    }
    const Kind kind = kind_in_stack(fd);
    if (kind == Kind::socket) {
        describe_socket(fd, *file);
        if (file->family == AF_INET || file->family == AF_INET6) {
            rejoin_groups(fd, *file);
        }
    }
    file->nonblocking = (stack_call(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK) != 0;
    file->watches_host = kind == Kind::mixed_epoll;
    install(fd, kind, file);
    return 0;
}

long adopt_stack_descriptor(int fd, bool close_on_exec) {
    OpenFile shape{};
    describe(shape, option_in_stack(fd, SO_DOMAIN), option_in_stack(fd, SO_TYPE), option_in_stack(fd, SO_PROTOCOL));
    const long dummy = make_dummy(shape, true);
    if (dummy < 0) {
        stack_call(SYS_close, fd);
        return dummy;
    }
    raw_syscall(SYS_dup3, dummy, fd, close_on_exec ? O_CLOEXEC : 0);
    raw_syscall(SYS_close, dummy);
    return take_up_stack_descriptor(fd);
}

void take_up_inherited_descriptors() {
    for_each_stack_descriptor([](int fd) {
        if (raw_syscall(SYS_fcntl, fd, F_GETFD) < 0 || is_private(fd)) {
            stack_call(SYS_close, fd);
        } else {
            take_up_stack_descriptor(fd);
        }
    });
}

}  // namespace alp::calls
