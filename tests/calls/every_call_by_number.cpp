// SPDX-License-Identifier: GPL-2.0
// All the calls on sockets made through syscall(), as libraries with their own ideas of libc do: each reaches the same
// sockets, answers the same, and sets errno.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "check.h"

template <typename... Arguments>
static long call(long number, Arguments... arguments) {
    return syscall(number, arguments...);
}

static int client, server, listening;

static void connections() {
    sockaddr_in address = loopback();
    socklen_t len = sizeof(address);
    listening = static_cast<int>(call(SYS_socket, AF_INET, SOCK_STREAM, 0));
    CHECK(call(SYS_bind, listening, &address, len) == 0 && call(SYS_listen, listening, 5) == 0);
    CHECK(call(SYS_getsockname, listening, &address, &len) == 0 && address.sin_port != 0);
    client = static_cast<int>(call(SYS_socket, AF_INET, SOCK_STREAM, 0));
    CHECK(call(SYS_connect, client, &address, len) == 0);
    server = static_cast<int>(call(SYS_accept4, listening, &address, &len, SOCK_CLOEXEC));
    CHECK(server >= 0 && call(SYS_fcntl, server, F_GETFD) == FD_CLOEXEC);
    CHECK(call(SYS_getpeername, server, &address, &len) == 0 && address.sin_port == name_of(client).sin_port);
    CHECK_FAILS(call(SYS_accept, client, nullptr, nullptr), EINVAL);
}

static void options() {
    int value = 1;
    socklen_t len = sizeof(value);
    CHECK(call(SYS_setsockopt, client, SOL_SOCKET, SO_KEEPALIVE, &value, len) == 0);
    CHECK(call(SYS_getsockopt, client, SOL_SOCKET, SO_TYPE, &value, &len) == 0 && value == SOCK_STREAM);
    CHECK(call(SYS_fcntl, server, F_SETFL, O_NONBLOCK) == 0);
    char byte;
    CHECK_FAILS(call(SYS_read, server, &byte, 1L), EAGAIN);
    value = 0;
    CHECK(call(SYS_ioctl, server, FIONBIO, &value) == 0 && (fcntl(server, F_GETFL) & O_NONBLOCK) == 0);
}

static void data() {
    char buffer[16];
    iovec vector{buffer, 3};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    mmsghdr batch{message, 0};
    CHECK(call(SYS_write, client, "aaa", 3L) == 3 && call(SYS_read, server, buffer, 3L) == 3);
    CHECK(call(SYS_writev, client, &vector, 1L) == 3 && call(SYS_readv, server, &vector, 1L) == 3);
    CHECK(call(SYS_sendmsg, client, &message, 0) == 3 && call(SYS_recvmsg, server, &message, 0) == 3);
    CHECK(call(SYS_sendmmsg, client, &batch, 1, 0) == 1 && batch.msg_len == 3);
    CHECK(call(SYS_recvmmsg, server, &batch, 1, 0, nullptr) == 1 && memcmp(buffer, "aaa", 3) == 0);
    CHECK(call(SYS_sendto, client, "bbb", 3L, 0, nullptr, 0) == 3);
    CHECK(call(SYS_recvfrom, server, buffer, 3L, 0, nullptr, nullptr) == 3 && buffer[0] == 'b');
    CHECK_FAILS(call(SYS_pread64, server, buffer, 1L, 0L), ESPIPE);
    CHECK_FAILS(call(SYS_lseek, server, 0L, SEEK_SET), ESPIPE);
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "cc", 2) == 2);
    CHECK(call(SYS_splice, ends[0], nullptr, client, nullptr, 2L, 0) == 2 && read(server, buffer, 2) == 2);
    const int file = open("/proc/self/exe", O_RDONLY);
    CHECK(call(SYS_sendfile, client, file, nullptr, 4L) == 4);
    CHECK(read(server, buffer, 4) == 4 && memcmp(buffer + 1, "ELF", 3) == 0);
}

static void waits() {
    CHECK(write(client, "w", 1) == 1);
    pollfd entry{server, POLLIN, 0};
    timespec limit{2, 0};
    CHECK(call(SYS_poll, &entry, 1L, -1) == 1 && entry.revents == POLLIN);
    CHECK(call(SYS_ppoll, &entry, 1L, &limit, nullptr, 8L) == 1);
    fd_set set;
    timeval time{2, 0};
    FD_ZERO(&set);
    FD_SET(server, &set);
    CHECK(call(SYS_select, server + 1, &set, nullptr, nullptr, &time) == 1 && FD_ISSET(server, &set));
    CHECK(call(SYS_pselect6, server + 1, &set, nullptr, nullptr, &limit, nullptr) == 1);
    const int epoll = static_cast<int>(call(SYS_epoll_create1, EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = 9;
    CHECK(call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, server, &event) == 0);
    CHECK(call(SYS_epoll_wait, epoll, &event, 1, 2000) == 1 && event.data.u64 == 9);
    CHECK(call(SYS_epoll_pwait, epoll, &event, 1, 2000, nullptr, 8L) == 1);
    CHECK(call(SYS_epoll_pwait2, epoll, &event, 1, &limit, nullptr, 8L) == 1);
}

static void numbers() {
    const int copy = static_cast<int>(call(SYS_dup, server));
    char byte = 0;
    CHECK(call(SYS_dup2, copy, 50) == 50 && call(SYS_dup3, copy, 51, O_CLOEXEC) == 51);
    CHECK(call(SYS_fcntl, copy, F_DUPFD, 60) == 60);
    CHECK(read(60, &byte, 1) == 1 && byte == 'w');
    CHECK(call(SYS_close, copy) == 0 && call(SYS_close_range, 50, 60, 0) == 0);
    CHECK_FAILS(call(SYS_read, 51, &byte, 1L), EBADF);
    CHECK(call(SYS_shutdown, client, SHUT_WR) == 0 && read(server, &byte, 1) == 0);
    CHECK(call(SYS_close, server) == 0 && call(SYS_close, listening) == 0);
    CHECK_FAILS(call(SYS_shutdown, server, SHUT_RD), EBADF);
}

int main() {
    connections();
    options();
    data();
    waits();
    numbers();
}
