// SPDX-License-Identifier: GPL-2.0
// SCM_RIGHTS within a process: sockets handed over a Unix socket to another thread, which uses them under numbers of
// its own; the sender closes its numbers at once. Among files, several at once, never received, peeked at.
#include <fcntl.h>

#include <thread>

#include "descriptors.h"

static void talk(int one, int other) {
    char byte = 0;
    CHECK(write(one, "p", 1) == 1 && read(other, &byte, 1) == 1 && byte == 'p');
    CHECK(write(other, "q", 1) == 1 && read(one, &byte, 1) == 1 && byte == 'q');
}

/// An acceptor that hands connections to a worker and forgets them.
static void to_a_worker(const int* over) {
    const Pair pair;
    std::thread worker([&] {
        int fd = -1;
        CHECK(receive_descriptors(over[1], &fd) == 1);
        char byte;
        CHECK(read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1);
        CHECK(close(fd) == 0);
    });
    send_descriptors(over[0], {pair.server});
    CHECK(close(pair.server) == 0);
    char byte = 0;
    CHECK(write(pair.client, "w", 1) == 1 && read(pair.client, &byte, 1) == 1 && byte == 'w');
    CHECK(read(pair.client, &byte, 1) == 0);  // the worker's close was the last
    worker.join();
    close(pair.client);
}

/// In flight when its last number is closed, with data waiting.
static void in_flight(const int* over) {
    const Pair pair;
    CHECK(write(pair.client, "early", 5) == 5);
    send_descriptors(over[0], {pair.server});
    CHECK(close(pair.server) == 0);
    const int taker = fcntl(0, F_DUPFD, pair.server);  // the number means something else meanwhile
    CHECK(taker == pair.server);
    CHECK(write(pair.client, "late", 4) == 4);
    int fd = -1;
    CHECK(receive_descriptors(over[1], &fd, MSG_CMSG_CLOEXEC) == 1);
    CHECK(fd != taker && fcntl(fd, F_GETFD) == FD_CLOEXEC && option_of(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
    char buffer[16];
    CHECK(recv(fd, buffer, 9, MSG_WAITALL) == 9 && memcmp(buffer, "earlylate", 9) == 0);
    talk(pair.client, fd);
    close(taker);
    close(fd);
    close(pair.client);
}

/// Sockets among files; both sides keep theirs, one open file behind each.
static void several(const int* over) {
    const Pair pair;
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const int null = open("/dev/null", O_RDWR);
    int got[kMax];
    send_descriptors(over[0], {null, pair.server, listening, pair.client});
    CHECK(receive_descriptors(over[1], got) == 4);
    talk(got[1], pair.client);
    talk(pair.server, got[3]);
    CHECK(write(got[0], "x", 1) == 1);
    CHECK(fcntl(got[1], F_SETFL, O_NONBLOCK) == 0 && (fcntl(pair.server, F_GETFL) & O_NONBLOCK) != 0);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(close(listening) == 0);
    CHECK(connect(client, generic(address), sizeof(address)) == 0);
    const int accepted = accept(got[2], nullptr, nullptr);
    talk(client, accepted);
    for (const int fd : {pair.client, pair.server, null, got[0], got[1], got[2], got[3], client, accepted}) {
        CHECK(close(fd) == 0);
    }
}

/// Never received: when the Unix socket is closed the connection in it ends.
static void never_received() {
    const Pair pair;
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    send_descriptors(ends[0], {pair.server});
    CHECK(close(pair.server) == 0);
    char byte;
    CHECK_FAILS(recv(pair.client, &byte, 1, MSG_DONTWAIT), EAGAIN);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
    set_time_limit(pair.client, SO_RCVTIMEO, 3000);
    CHECK(read(pair.client, &byte, 1) == 0);
    close(pair.client);
}

/// Peeking makes numbers too, each time new ones.
static void peeked(const int* over) {
    const Pair pair;
    int first = -1, second = -1;
    send_descriptors(over[0], {pair.server});
    CHECK(receive_descriptors(over[1], &first, MSG_PEEK) == 1);
    CHECK(receive_descriptors(over[1], &second) == 1 && first != second);
    talk(pair.client, first);
    talk(pair.client, second);
    for (const int fd : {pair.client, pair.server, first, second}) {
        CHECK(close(fd) == 0);
    }
}

int main() {
    close_inherited();
    int over[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, over) == 0);
    to_a_worker(over);
    in_flight(over);
    several(over);
    peeked(over);
    never_received();
    CHECK(socket(AF_INET, SOCK_STREAM, 0) == over[1] + 1);  // nothing was left open
}
