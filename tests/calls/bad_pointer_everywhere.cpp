// SPDX-License-Identifier: GPL-2.0
// A pointer to nowhere in any argument of any call is EFAULT, whether it points to an unmapped page, to the end of a
// mapped one, or to memory that may only be read; and nothing of the socket is spoilt.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/uio.h>

#include <initializer_list>

#include "check.h"

template <typename T>
static T* as(void* bad) {
    return static_cast<T*>(bad);
}

static void data(const Pair& pair, void* bad) {
    const int in = pair.server, out = pair.client;
    CHECK(write(out, "0123456789", 10) == 10);
    pollfd entry{in, POLLIN, 0};
    CHECK(poll(&entry, 1, 1000) == 1);
    iovec vector{bad, 10};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    CHECK_FAILS(read(in, bad, 10), EFAULT);
    CHECK_FAILS(recv(in, bad, 10, 0), EFAULT);
    CHECK_FAILS(recvfrom(in, bad, 10, MSG_DONTWAIT, nullptr, nullptr), EFAULT);
    CHECK_FAILS(readv(in, &vector, 1), EFAULT);
    CHECK_FAILS(recvmsg(in, &message, 0), EFAULT);
    CHECK_FAILS(recvmsg(in, as<msghdr>(bad), 0), EFAULT);
    char buffer[16];
    CHECK(recv(in, buffer, sizeof(buffer), 0) == 10 && memcmp(buffer, "0123456789", 10) == 0);
}

static void unreadable(const Pair& pair, void* bad) {
    const int out = pair.client;
    iovec vector{bad, 10};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    CHECK_FAILS(write(out, bad, 10), EFAULT);
    CHECK_FAILS(send(out, bad, 10, 0), EFAULT);
    CHECK_FAILS(writev(out, &vector, 1), EFAULT);
    CHECK_FAILS(writev(out, as<iovec>(bad), 1), EFAULT);
    CHECK_FAILS(sendmsg(out, &message, 0), EFAULT);
    CHECK_FAILS(sendmsg(out, as<msghdr>(bad), 0), EFAULT);
    message.msg_iov = as<iovec>(bad);
    CHECK_FAILS(sendmsg(out, &message, 0), EFAULT);
    CHECK_FAILS(recvmsg(pair.server, &message, 0), EFAULT);
    CHECK_FAILS(readv(pair.server, as<iovec>(bad), 1), EFAULT);
    CHECK_FAILS(sendmmsg(out, as<mmsghdr>(bad), 1, 0), EFAULT);
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_FAILS(sendto(udp, "x", 1, 0, as<sockaddr>(bad), sizeof(sockaddr_in)), EFAULT);
    CHECK_FAILS(connect(udp, as<sockaddr>(bad), sizeof(sockaddr_in)), EFAULT);
    CHECK_FAILS(bind(udp, as<sockaddr>(bad), sizeof(sockaddr_in)), EFAULT);
    CHECK_FAILS(setsockopt(udp, SOL_SOCKET, SO_BROADCAST, bad, 4), EFAULT);
    CHECK_FAILS(epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, udp, as<epoll_event>(bad)), EFAULT);
    CHECK_FAILS(ioctl(udp, FIONBIO, bad), EFAULT);
    char byte;
    CHECK_FAILS(recv(pair.server, &byte, 1, MSG_DONTWAIT), EAGAIN);  // nothing was sent
}

static void results(const Pair& pair, void* bad) {
    socklen_t len = sizeof(sockaddr_in);
    sockaddr_in name;
    CHECK_FAILS(getsockname(pair.client, as<sockaddr>(bad), &len), EFAULT);
    CHECK_FAILS(getpeername(pair.client, as<sockaddr>(bad), &len), EFAULT);
    CHECK_FAILS(getsockname(pair.client, generic(name), as<socklen_t>(bad)), EFAULT);
    CHECK_FAILS(getsockopt(pair.client, SOL_SOCKET, SO_TYPE, bad, &len), EFAULT);
    CHECK_FAILS(getsockopt(pair.client, SOL_SOCKET, SO_TYPE, &name, as<socklen_t>(bad)), EFAULT);
    CHECK_FAILS(ioctl(pair.client, FIONREAD, bad), EFAULT);
    CHECK_FAILS(poll(as<pollfd>(bad), 1, 0), EFAULT);
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLOUT;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.client, &event) == 0);
    CHECK_FAILS(epoll_wait(epoll, as<epoll_event>(bad), 1, 100), EFAULT);
    CHECK(epoll_wait(epoll, &event, 1, 100) == 1);  // the event is not lost
    close(epoll);
    timeval none{0, 0};
    CHECK_FAILS(select(pair.client + 1, as<fd_set>(bad), nullptr, nullptr, &none), EFAULT);

    const int udp = bound(SOCK_DGRAM);
    const sockaddr_in address = name_of(udp);
    char byte;
    len = sizeof(name);
    CHECK(sendto(udp, "x", 1, 0, generic(address), sizeof(address)) == 1);
    CHECK_FAILS(recvfrom(udp, &byte, 1, 0, as<sockaddr>(bad), &len), EFAULT);
    close(udp);
}

/// A connection whose accept() has nowhere to put the address is lost, but no number is.
static void acceptance(void* bad) {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(client, generic(address), sizeof(address)) == 0);
    socklen_t len = sizeof(address);
    CHECK_FAILS(accept(listening, as<sockaddr>(bad), &len), EFAULT);
    const int next = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(next == client + 1);
    for (const int fd : {listening, client, next}) {
        close(fd);
    }
}

int main() {
    close_inherited();
    const Pair pair;
    auto* pages = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0);
    void* const nowhere = reinterpret_cast<void*>(16);
    void* const kernel = reinterpret_cast<void*>(0xffffffff81000000UL);
    for (void* bad : {nowhere, static_cast<void*>(pages + 4096), kernel}) {
        data(pair, bad);
        unreadable(pair, bad);
        results(pair, bad);
        acceptance(bad);
    }
    // Only the first bytes are good.
    unreadable(pair, pages + 4096 - 2);
    CHECK(mprotect(pages + 4096, 4096, PROT_READ) == 0);
    data(pair, pages + 4096);
    results(pair, pages + 4096);
}
