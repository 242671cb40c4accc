// SPDX-License-Identifier: GPL-2.0
// pthread_cancel() of a thread blocked in a cancellation point of POSIX, each in turn: the thread ends with its
// cleanup handlers run, and the socket is as good as before.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>

#include "cancel.h"

static char byte;
static iovec vector{&byte, 1};

static long by_message(int fd, bool out) {
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    return out ? sendmsg(fd, &message, 0) : recvmsg(fd, &message, 0);
}

static long by_messages(int fd, bool out) {
    mmsghdr message{};
    message.msg_hdr.msg_iov = &vector;
    message.msg_hdr.msg_iovlen = 1;
    return out ? sendmmsg(fd, &message, 1, 0) : recvmmsg(fd, &message, 1, 0, nullptr);
}

static void inputs(int fd) {
    expect_cancelled("read", [=] { return read(fd, &byte, 1); });
    expect_cancelled("readv", [=] { return readv(fd, &vector, 1); });
    expect_cancelled("recv", [=] { return recv(fd, &byte, 1, 0); });
    expect_cancelled("recvfrom", [=] { return recvfrom(fd, &byte, 1, 0, nullptr, nullptr); });
    expect_cancelled("recvmsg", [=] { return by_message(fd, false); });
    expect_cancelled("recvmmsg", [=] { return by_messages(fd, false); });
}

static void outputs(int fd) {
    expect_cancelled("write", [=] { return write(fd, &byte, 1); });
    expect_cancelled("writev", [=] { return writev(fd, &vector, 1); });
    expect_cancelled("send", [=] { return send(fd, &byte, 1, 0); });
    expect_cancelled("sendto", [=] { return sendto(fd, &byte, 1, 0, nullptr, 0); });
    expect_cancelled("sendmsg", [=] { return by_message(fd, true); });
    expect_cancelled("sendmmsg", [=] { return by_messages(fd, true); });
}

static void waits(int fd) {
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    const timespec limit{30, 0};
    const auto by_select = [=](bool with_mask) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        return with_mask ? pselect(fd + 1, &set, nullptr, nullptr, &limit, nullptr)
                         : select(fd + 1, &set, nullptr, nullptr, nullptr);
    };
    expect_cancelled("poll", [=] {
        pollfd entry{fd, POLLIN, 0};
        return poll(&entry, 1, -1);
    });
    expect_cancelled("ppoll", [=] {
        pollfd entry{fd, POLLIN, 0};
        return ppoll(&entry, 1, &limit, nullptr);
    });
    expect_cancelled("select", [=] { return by_select(false); });
    expect_cancelled("pselect", [=] { return by_select(true); });
    expect_cancelled("epoll_wait", [=] {
        epoll_event got{};
        return epoll_wait(epoll, &got, 1, -1);
    });
    expect_cancelled("epoll_pwait", [=] {
        epoll_event got{};
        return epoll_pwait(epoll, &got, 1, 30000, nullptr);
    });
    close(epoll);
}

/// Blocked on the host's descriptors, with sockets about: poll on both, read of a pipe.
static void mixed(int fd) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    expect_cancelled("poll on both", [=] {
        pollfd entries[2] = {{fd, POLLIN, 0}, {ends[0], POLLIN, 0}};
        return poll(entries, 2, -1);
    });
    expect_cancelled("read of a pipe", [=] { return read(ends[0], &byte, 1); });
    close(ends[0]);
    close(ends[1]);
}

static void connections() {
    const int listening = bound(SOCK_STREAM);
    CHECK(listen(listening, 0) == 0);
    const sockaddr_in address = name_of(listening);
    expect_cancelled("accept", [=] { return accept(listening, nullptr, nullptr); });
    expect_cancelled("accept4", [=] { return accept4(listening, nullptr, nullptr, SOCK_CLOEXEC); });
    // Connections that nobody accepts, until one blocks.
    for (int i = 0;; ++i) {
        CHECK(i < 16);
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        pollfd entry{fd, POLLOUT, 0};
        CHECK(connect(fd, generic(address), sizeof(address)) == 0 || errno == EINPROGRESS);
        if (poll(&entry, 1, 50) == 0) {
            break;
        }
    }
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    expect_cancelled("connect", [=] { return connect(fd, generic(address), sizeof(address)); });
}

int main() {
    const Pair pair, full(kSmallBuffers);
    fill(full.client);
    inputs(pair.server);
    outputs(full.client);
    waits(pair.server);
    mixed(pair.server);
    connections();
    CHECK(write(pair.client, "k", 1) == 1 && read(pair.server, &byte, 1) == 1 && byte == 'k');
}
