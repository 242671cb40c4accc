// SPDX-License-Identifier: GPL-2.0
// connect(): refused, in progress, connected already, wrong families; UDP connects anew and lets go by AF_UNSPEC.
#include <poll.h>

#include "check.h"

static void streams() {
    const int gone = listener();
    const sockaddr_in nobody = name_of(gone);
    close(gone);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(connect(fd, generic(nobody), sizeof(nobody)), ECONNREFUSED);
    CHECK_FAILS(connect(fd, generic(nobody), 3), EINVAL);
    sockaddr_in wrong = nobody;
    wrong.sin_family = AF_INET6;
    CHECK_FAILS(connect(fd, generic(wrong), sizeof(wrong)), EAFNOSUPPORT);
    wrong.sin_family = AF_UNIX;
    CHECK_FAILS(connect(fd, generic(wrong), sizeof(wrong)), EAFNOSUPPORT);

    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    CHECK(connect(fd, generic(address), sizeof(address)) == 0);  // the same socket, after a refusal
    CHECK_FAILS(connect(fd, generic(address), sizeof(address)), EISCONN);
    CHECK_FAILS(connect(listening, generic(address), sizeof(address)), EISCONN);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(connect(fd, generic(address), sizeof(address)) == 0 || errno == EINPROGRESS);
    pollfd entry{fd, POLLOUT, 0};
    CHECK(poll(&entry, 1, 2000) == 1 && entry.revents == POLLOUT);
    CHECK(option_of(fd, SOL_SOCKET, SO_ERROR) == 0);
    CHECK(connect(fd, generic(address), sizeof(address)) == 0 || errno == EISCONN);

    // AF_UNSPEC ends a connection of a stream too, and the socket connects again.
    const sockaddr nothing{AF_UNSPEC, {}};
    CHECK(connect(fd, &nothing, sizeof(nothing)) == 0);
    socklen_t len = sizeof(wrong);
    CHECK_FAILS(getpeername(fd, generic(wrong), &len), ENOTCONN);
    CHECK(connect(fd, generic(address), sizeof(address)) == 0 || errno == EINPROGRESS);
    CHECK(poll(&entry, 1, 2000) == 1 && entry.revents == POLLOUT);
}

static void datagrams() {
    const int first = bound(SOCK_DGRAM), second = bound(SOCK_DGRAM), fd = socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in to_first = name_of(first), to_second = name_of(second);
    char byte;
    CHECK_FAILS(send(fd, "x", 1, 0), EDESTADDRREQ);
    CHECK(connect(fd, generic(to_first), sizeof(to_first)) == 0);
    CHECK(send(fd, "1", 1, 0) == 1 && recv(first, &byte, 1, 0) == 1);
    CHECK(sendto(fd, "2", 1, 0, generic(to_second), sizeof(to_second)) == 1 && recv(second, &byte, 1, 0) == 1);
    // A connected socket hears its peer only.
    const sockaddr_in mine = name_of(fd);
    CHECK(mine.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && mine.sin_port != 0);
    CHECK(sendto(second, "s", 1, 0, generic(mine), sizeof(mine)) == 1);
    CHECK(sendto(first, "f", 1, 0, generic(mine), sizeof(mine)) == 1);
    CHECK(recv(fd, &byte, 1, 0) == 1 && byte == 'f');
    CHECK_FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);

    CHECK(connect(fd, generic(to_second), sizeof(to_second)) == 0);
    CHECK(name_of(fd).sin_port == mine.sin_port);
    CHECK(send(fd, "2", 1, 0) == 1 && recv(second, &byte, 1, 0) == 1);
    const sockaddr nothing{AF_UNSPEC, {}};
    CHECK(connect(fd, &nothing, sizeof(nothing)) == 0);
    CHECK_FAILS(send(fd, "x", 1, 0), EDESTADDRREQ);
    sockaddr_in peer{};
    socklen_t len = sizeof(peer);
    CHECK_FAILS(getpeername(fd, generic(peer), &len), ENOTCONN);
    CHECK(sendto(fd, "1", 1, 0, generic(to_first), sizeof(to_first)) == 1 && recv(first, &byte, 1, 0) == 1);

    sockaddr_in broadcast = to_first;
    broadcast.sin_addr.s_addr = htonl(0x7fffffff);
    CHECK_FAILS(connect(fd, generic(broadcast), sizeof(broadcast)), EACCES);
    static char large[70000];
    CHECK_FAILS(sendto(fd, large, sizeof(large), 0, generic(to_first), sizeof(to_first)), EMSGSIZE);
}

int main() {
    streams();
    datagrams();
}
