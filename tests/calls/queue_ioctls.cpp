// SPDX-License-Identifier: GPL-2.0
// How much waits in a socket: FIONREAD (SIOCINQ), SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK, on streams, datagrams, listeners.
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "check.h"

static int ask(int fd, unsigned long request) {
    int value = -1;
    CHECK(ioctl(fd, request, &value) == 0);
    return value;
}

static void await(int fd) {
    pollfd entry{fd, POLLIN, 0};
    CHECK(poll(&entry, 1, 2000) == 1);
}

static void stream() {
    const Pair pair(kSmallBuffers);
    CHECK(ask(pair.server, FIONREAD) == 0 && ask(pair.client, SIOCOUTQ) == 0);
    CHECK(write(pair.client, "0123456789", 10) == 10);
    await(pair.server);
    CHECK(ask(pair.server, FIONREAD) == 10 && ask(pair.server, SIOCINQ) == 10);
    CHECK(ask(pair.server, SIOCATMARK) == 0);
    char buffer[4];
    CHECK(read(pair.server, buffer, 4) == 4 && ask(pair.server, FIONREAD) == 6);
    // A full connection: everything sent is either with the receiver or still with the sender.
    const int total = static_cast<int>(fill(pair.client)) + 6;
    const int unsent = ask(pair.client, SIOCOUTQNSD);
    const int unacknowledged = ask(pair.client, SIOCOUTQ);
    const int received = ask(pair.server, FIONREAD);
    CHECK(unsent > 0 && unacknowledged >= unsent && received > 0);
    CHECK(received + unacknowledged >= total && received + unsent <= total);
    CHECK(shutdown(pair.server, SHUT_RDWR) == 0);
}

static void datagrams() {
    const int receiver = bound(SOCK_DGRAM);
    const sockaddr_in address = name_of(receiver);
    const int sender = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(ask(receiver, FIONREAD) == 0);
    CHECK(sendto(sender, "first", 5, 0, generic(address), sizeof(address)) == 5);
    CHECK(sendto(sender, "second", 6, 0, generic(address), sizeof(address)) == 6);
    await(receiver);
    CHECK(ask(receiver, FIONREAD) == 5);  // the next datagram's length
    char buffer[16];
    CHECK(recv(receiver, buffer, sizeof(buffer), 0) == 5);
    CHECK(ask(receiver, FIONREAD) == 6);
    CHECK(ask(sender, SIOCOUTQ) == 0);
    timeval stamp{};
    CHECK_FAILS(ioctl(sender, SIOCGSTAMP, &stamp), ENOENT);  // nothing was received on it
}

static void refusals() {
    const int listening = listener();
    int value;
    CHECK_FAILS(ioctl(listening, FIONREAD, &value), EINVAL);
    CHECK_FAILS(ioctl(listening, SIOCOUTQ, &value), EINVAL);
    CHECK_FAILS(ioctl(listening, 0xdeadbeef, &value), ENOTTY);
    CHECK_FAILS(ioctl(999, FIONREAD, &value), EBADF);
    const Pair pair;
    CHECK_FAILS(ioctl(pair.client, FIONREAD, reinterpret_cast<void*>(8)), EFAULT);
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "abc", 3) == 3);
    CHECK(ask(ends[0], FIONREAD) == 3);
}

int main() {
    stream();
    datagrams();
    refusals();
}
