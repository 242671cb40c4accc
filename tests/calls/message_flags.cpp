// SPDX-License-Identifier: GPL-2.0
// The flags of recv() and send(): PEEK, WAITALL, TRUNC, DONTWAIT and MORE, on streams and on datagrams.
#include <initializer_list>
#include <thread>

#include "check.h"

static void streams() {
    const Pair pair;
    char buffer[16] = {};
    CHECK_FAILS(recv(pair.server, buffer, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_FAILS(recv(pair.server, buffer, 1, MSG_DONTWAIT | MSG_PEEK), EAGAIN);
    CHECK(write(pair.client, "abcdef", 6) == 6);
    for (int i = 0; i < 2; ++i) {
        CHECK(recv(pair.server, buffer, 3, MSG_PEEK) == 3 && memcmp(buffer, "abc", 3) == 0);
    }
    CHECK(recv(pair.server, nullptr, 2, MSG_TRUNC) == 2);  // tcp(7): thrown away
    CHECK(recv(pair.server, buffer, 16, MSG_DONTWAIT | MSG_WAITALL) == 4 && memcmp(buffer, "cdef", 4) == 0);

    // WAITALL waits for all of it, however it comes, and ends early only with the connection.
    std::thread writer([&] {
        for (const char* piece : {"12", "345", "6789"}) {
            CHECK(send(pair.client, piece, strlen(piece), 0) == static_cast<ssize_t>(strlen(piece)));
            sleep_ms(15);
        }
        CHECK(write(pair.client, "end", 3) == 3 && shutdown(pair.client, SHUT_WR) == 0);
    });
    CHECK(recv(pair.server, buffer, 9, MSG_WAITALL) == 9 && memcmp(buffer, "123456789", 9) == 0);
    CHECK(recv(pair.server, buffer, 16, MSG_WAITALL) == 3);
    CHECK(recv(pair.server, buffer, 16, MSG_WAITALL) == 0);
    writer.join();
    CHECK(recv(pair.server, buffer, 0, 0) == 0);
}

static void datagrams() {
    const int receiver = bound(SOCK_DGRAM), sender = socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in address = name_of(receiver);
    CHECK(connect(sender, generic(address), sizeof(address)) == 0);
    char buffer[16] = {};
    CHECK(send(sender, "0123456789", 10, 0) == 10);
    CHECK(recv(receiver, buffer, 4, MSG_PEEK) == 4);
    CHECK(recv(receiver, buffer, 4, MSG_PEEK | MSG_TRUNC) == 10);
    CHECK(recv(receiver, buffer, 4, MSG_TRUNC) == 10 && memcmp(buffer, "0123", 5) == 0);
    CHECK_FAILS(recv(receiver, buffer, 4, MSG_DONTWAIT), EAGAIN);  // the rest is gone

    // MORE collects pieces into one datagram.
    CHECK(send(sender, "one", 3, MSG_MORE) == 3 && send(sender, "two", 3, MSG_MORE) == 3);
    CHECK_FAILS(recv(receiver, buffer, sizeof(buffer), MSG_DONTWAIT), EAGAIN);
    CHECK(send(sender, "three", 5, 0) == 5);
    CHECK(recv(receiver, buffer, sizeof(buffer), MSG_WAITALL) == 11 && memcmp(buffer, "onetwothree", 11) == 0);
    CHECK(recv(receiver, buffer, sizeof(buffer), MSG_DONTWAIT) == -1);
    CHECK_FAILS(send(sender, "x", 1, MSG_OOB), EOPNOTSUPP);
    CHECK_FAILS(recv(receiver, buffer, 1, MSG_ERRQUEUE), EAGAIN);
}

/// Names come with recvfrom(), cut to the room there is, and not for a stream.
static void names() {
    const int receiver = bound(SOCK_DGRAM), sender = bound(SOCK_DGRAM);
    const sockaddr_in address = name_of(receiver), from = name_of(sender);
    CHECK(sendto(sender, "x", 1, 0, generic(address), sizeof(address)) == 1);
    sockaddr_in name{};
    socklen_t len = 4;
    char byte;
    CHECK(recvfrom(receiver, &byte, 1, MSG_PEEK, generic(name), &len) == 1 && len == sizeof(name));
    CHECK(name.sin_port == from.sin_port && name.sin_addr.s_addr == 0);
    CHECK(recvfrom(receiver, &byte, 1, 0, generic(name), &len) == 1 && len == sizeof(name));
    CHECK(name.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    const Pair pair;
    CHECK(write(pair.client, "x", 1) == 1);
    CHECK(recvfrom(pair.server, &byte, 1, 0, generic(name), &len) == 1 && len == 0);
    CHECK(sendto(pair.client, "x", 1, 0, generic(address), sizeof(address)) == 1);  // a stream ignores it
    CHECK(read(pair.server, &byte, 1) == 1);
}

int main() {
    streams();
    datagrams();
    names();
}
