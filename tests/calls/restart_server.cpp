// SPDX-License-Identifier: GPL-2.0
// A server that closes its listener and opens it again on the same port, with connections of before still there:
// SO_REUSEADDR lets it.
#include "check.h"

static int open_at(const sockaddr_in& address) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int one = 1;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    CHECK(bind(fd, generic(address), sizeof(address)) == 0);
    CHECK(listen(fd, 8) == 0);
    return fd;
}

int main() {
    int listening = open_at(loopback());
    const sockaddr_in address = name_of(listening);
    for (int round = 0; round < 3; ++round) {
        const int client = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect(client, generic(address), sizeof(address)) == 0);
        const int server = accept(listening, nullptr, nullptr);
        CHECK(server >= 0);
        CHECK(close(listening) == 0);
        if (round != 0) {
            CHECK(close(server) == 0);  // the server's side closes first: TIME_WAIT is on its port
            CHECK(close(client) == 0);
        }
        listening = open_at(address);
    }
}
