// SPDX-License-Identifier: GPL-2.0
// accept(): flags of the new descriptor, EAGAIN, time limit, wrong sockets, numbers not wasted on failures.
#include <fcntl.h>

#include "check.h"

int main() {
    close_inherited();
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    CHECK(fcntl(listening, F_SETFL, O_NONBLOCK) == 0);
    CHECK_FAILS(accept(listening, nullptr, nullptr), EAGAIN);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(client == listening + 1);
    CHECK(connect(client, generic(address), sizeof(address)) == 0);
    const int server = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    CHECK(server == client + 1);
    CHECK(fcntl(server, F_GETFD) == FD_CLOEXEC && (fcntl(server, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(name_of(server).sin_port == address.sin_port);
    char byte;
    CHECK_FAILS(read(server, &byte, 1), EAGAIN);

    CHECK(fcntl(listening, F_SETFL, 0) == 0);
    const timeval limit{0, 50000};
    CHECK(setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
    const long start = now_ms();
    CHECK_FAILS(accept(listening, nullptr, nullptr), EAGAIN);
    CHECK(now_ms() - start >= 40);
    CHECK_FAILS(accept4(listening, nullptr, nullptr, 0x100), EINVAL);

    CHECK_FAILS(accept(client, nullptr, nullptr), EINVAL);
    const int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_FAILS(accept(datagram, nullptr, nullptr), EOPNOTSUPP);
    CHECK_FAILS(listen(datagram, 1), EOPNOTSUPP);
    CHECK(datagram == server + 1);

    CHECK(close(listening) == 0);
    CHECK(write(client, "x", 1) == 1);  // connections outlive their listener
    const int unbound = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listen(unbound, 1) == 0 && name_of(unbound).sin_port != 0);
}
