// SPDX-License-Identifier: GPL-2.0
// A socket closed while another thread is blocked in read, recvmsg or accept on it. In Linux the blocked call holds
// the file: it is not woken, and still gets what comes; the number is free at once.
#include <fcntl.h>

#include <thread>

#include "check.h"

static void read_goes_on() {
    const Pair pair;
    std::thread reader([&] {
        char byte = 0;
        CHECK(read(pair.server, &byte, 1) == 1 && byte == 'x');
    });
    sleep_ms(50);
    CHECK(close(pair.server) == 0);
    CHECK_FAILS(write(pair.server, "x", 1), EBADF);
    CHECK(fcntl(pair.client, F_DUPFD, pair.server) == pair.server);  // the number is free
    CHECK(close(pair.server) == 0);
    CHECK(write(pair.client, "x", 1) == 1);
    reader.join();
    // The reader was the last to hold it: now the connection is closed.
    char byte;
    CHECK(read(pair.client, &byte, 1) == 0);
    close(pair.client);
}

static void message_goes_on() {
    const int receiver = bound(SOCK_DGRAM);
    const sockaddr_in address = name_of(receiver);
    std::thread reader([&] {
        char byte = 0;
        iovec vector{&byte, 1};
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        CHECK(recvmsg(receiver, &message, 0) == 1 && byte == 'u');
    });
    sleep_ms(50);
    CHECK(close(receiver) == 0);
    const int sender = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(sendto(sender, "u", 1, 0, generic(address), sizeof(address)) == 1);
    reader.join();
    close(sender);
}

static void accept_goes_on() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    std::thread acceptor([&] {
        const int fd = accept(listening, nullptr, nullptr);
        CHECK(fd >= 0);
        CHECK(write(fd, "a", 1) == 1);
        close(fd);
    });
    sleep_ms(50);
    CHECK(close(listening) == 0);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(client, generic(address), sizeof(address)) == 0);
    char byte = 0;
    CHECK(read(client, &byte, 1) == 1 && byte == 'a');
    acceptor.join();
    CHECK(close(client) == 0);
    // And now that it has returned the listener is gone.
    const int late = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(connect(late, generic(address), sizeof(address)), ECONNREFUSED);
}

int main() {
    close_inherited();
    read_goes_on();
    message_goes_on();
    accept_goes_on();
}
