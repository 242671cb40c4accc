// SPDX-License-Identifier: GPL-2.0
// SOL_SOCKET options tell the truth: what was asked for at socket(), what was set (buffers doubled), what happened.
#include <net/if.h>
#include <poll.h>

#include <initializer_list>

#include "check.h"

static void identity() {
    const struct {
        int family, type, protocol, answer;
    } kinds[] = {{AF_INET, SOCK_STREAM, 0, IPPROTO_TCP},
                 {AF_INET6, SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP},
                 {AF_INET, SOCK_DGRAM, 0, IPPROTO_UDP},
                 {AF_INET6, SOCK_DGRAM, 0, IPPROTO_UDP},
                 {AF_UNIX, SOCK_SEQPACKET, 0, 0}};
    for (const auto& kind : kinds) {
        const int fd = socket(kind.family, kind.type | SOCK_NONBLOCK, kind.protocol);
        CHECK(option_of(fd, SOL_SOCKET, SO_TYPE) == kind.type);
        CHECK(option_of(fd, SOL_SOCKET, SO_DOMAIN) == kind.family);
        CHECK(option_of(fd, SOL_SOCKET, SO_PROTOCOL) == kind.answer);
        CHECK(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN) == 0);
        CHECK(option_of(fd, SOL_SOCKET, SO_ERROR) == 0);
        const int value = 1;
        CHECK_FAILS(setsockopt(fd, SOL_SOCKET, SO_TYPE, &value, sizeof(value)), ENOPROTOOPT);
        CHECK_FAILS(setsockopt(fd, SOL_SOCKET, SO_ERROR, &value, sizeof(value)), ENOPROTOOPT);
        close(fd);
    }
    const int listening = listener();
    CHECK(option_of(listening, SOL_SOCKET, SO_ACCEPTCONN) == 1);
    close(listening);
}

static void booleans(int fd) {
    for (const int name : {SO_REUSEADDR, SO_KEEPALIVE, SO_OOBINLINE, SO_BROADCAST, SO_REUSEPORT, SO_DONTROUTE,
                           SO_TIMESTAMP, SO_RXQ_OVFL}) {
        CHECK(option_of(fd, SOL_SOCKET, name) == 0);
        set_option(fd, SOL_SOCKET, name, 7);
        CHECK(option_of(fd, SOL_SOCKET, name) == 1);  // whatever was not 0 is 1
        set_option(fd, SOL_SOCKET, name, 0);
        CHECK(option_of(fd, SOL_SOCKET, name) == 0);
    }
}

static void buffers(int fd) {
    for (const int name : {SO_RCVBUF, SO_SNDBUF}) {
        CHECK(option_of(fd, SOL_SOCKET, name) > 4096);
        set_option(fd, SOL_SOCKET, name, 20000);
        CHECK(option_of(fd, SOL_SOCKET, name) == 40000);  // socket(7): doubled
        set_option(fd, SOL_SOCKET, name, 1);
        const int least = option_of(fd, SOL_SOCKET, name);
        CHECK(least >= 256 && least < 10000);
        set_option(fd, SOL_SOCKET, name, 0x7fffffff);  // cut to net.core.?mem_max
        const int most = option_of(fd, SOL_SOCKET, name);
        CHECK(most > 40000 && most % 2 == 0);
    }
    CHECK(option_of(fd, SOL_SOCKET, SO_RCVLOWAT) == 1);
    set_option(fd, SOL_SOCKET, SO_RCVLOWAT, 100);
    CHECK(option_of(fd, SOL_SOCKET, SO_RCVLOWAT) == 100);
    set_option(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
}

static void structures(int fd) {
    linger wait{1, 17};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &wait, sizeof(wait)) == 0);
    wait = linger{};
    socklen_t len = sizeof(wait);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &wait, &len) == 0 && len == sizeof(wait));
    CHECK(wait.l_onoff == 1 && wait.l_linger == 17);
    for (const int name : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        timeval limit{3, 250000};
        CHECK(setsockopt(fd, SOL_SOCKET, name, &limit, sizeof(limit)) == 0);
        limit = timeval{};
        len = sizeof(limit);
        CHECK(getsockopt(fd, SOL_SOCKET, name, &limit, &len) == 0 && len == sizeof(limit));
        CHECK(limit.tv_sec == 3 && limit.tv_usec >= 240000 && limit.tv_usec <= 260000);
        limit = timeval{0, 1000000};
        CHECK_FAILS(setsockopt(fd, SOL_SOCKET, name, &limit, sizeof(limit)), EDOM);
        limit = timeval{0, 0};
        CHECK(setsockopt(fd, SOL_SOCKET, name, &limit, sizeof(limit)) == 0);
    }
    set_option(fd, SOL_SOCKET, SO_PRIORITY, 6);
    CHECK(option_of(fd, SOL_SOCKET, SO_PRIORITY) == 6);
    CHECK(option_of(fd, SOL_SOCKET, SO_MARK) == 0);
    char device[IFNAMSIZ] = "x";
    len = sizeof(device);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &len) == 0 && len == 0);
}

/// SO_ERROR gives what a connection attempt came to, once.
static void error_of_attempt() {
    const int gone = listener();
    const sockaddr_in address = name_of(gone);
    close(gone);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(connect(fd, generic(address), sizeof(address)) == -1);
    CHECK(errno == EINPROGRESS || errno == ECONNREFUSED);
    if (errno == EINPROGRESS) {
        pollfd entry{fd, POLLOUT, 0};
        CHECK(poll(&entry, 1, 2000) == 1 && (entry.revents & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP));
        CHECK(option_of(fd, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
        CHECK(option_of(fd, SOL_SOCKET, SO_ERROR) == 0);
    }
}

int main() {
    identity();
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const int fd = socket(AF_INET, type, 0);
        booleans(fd);
        buffers(fd);
        structures(fd);
    }
    error_of_attempt();
}
