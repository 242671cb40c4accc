// SPDX-License-Identifier: GPL-2.0
// A TCP connection over loopback: names, both directions, half close, end of file.
#include <thread>

#include "check.h"

int main() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    CHECK(address.sin_port != 0);

    std::thread server([&] {
        sockaddr_in peer{};
        socklen_t len = sizeof(peer);
        const int fd = accept4(listening, generic(peer), &len, SOCK_CLOEXEC);
        CHECK(fd >= 0 && len == sizeof(peer));
        char buffer[4096];
        for (ssize_t got; (got = read(fd, buffer, sizeof(buffer))) > 0;) {
            CHECK(write(fd, buffer, static_cast<size_t>(got)) == got);
        }
        CHECK(close(fd) == 0);
    });

    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, generic(address), sizeof(address)) == 0);
    sockaddr_in peer{};
    socklen_t len = sizeof(peer);
    CHECK(getpeername(fd, generic(peer), &len) == 0);
    CHECK(peer.sin_port == address.sin_port);
    CHECK(name_of(fd).sin_port != 0);
    CHECK(send(fd, "hello", 5, 0) == 5);
    char buffer[16];
    CHECK(recv(fd, buffer, 5, MSG_WAITALL) == 5 && memcmp(buffer, "hello", 5) == 0);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    CHECK(read(fd, buffer, sizeof(buffer)) == 0);
    CHECK(close(fd) == 0);
    CHECK_FAILS(read(fd, buffer, 1), EBADF);
    server.join();
}
