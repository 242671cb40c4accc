// SPDX-License-Identifier: GPL-2.0
// What a child does with a socket that it has inherited its parent finds done: it binds, listens, connects, shuts down,
// sets a time limit for accept(), and takes the port's last reference with it or not.
#include <initializer_list>

#include "children.h"

static int socket_of(int type) {
    const int fd = socket(AF_INET, type, 0);
    CHECK(fd >= 0);
    return fd;
}

static void child_listens() {
    const int fd = socket_of(SOCK_STREAM);
    child_does([&] {
        const sockaddr_in any = loopback();
        CHECK(bind(fd, generic(any), sizeof(any)) == 0 && listen(fd, 5) == 0);
    });
    const sockaddr_in address = name_of(fd);
    CHECK(address.sin_port != 0);
    const sockaddr_in other = loopback();
    CHECK_FAILS(bind(fd, generic(other), sizeof(other)), EINVAL);
    const int client = connected_to(address);
    const int server = accept(fd, nullptr, nullptr);
    talk(client, server);
    child_does([&] { set_time_limit(fd, SO_RCVTIMEO, 50); });
    const long before = now_ms();
    CHECK_FAILS(accept(fd, nullptr, nullptr), EAGAIN);
    CHECK(now_ms() - before < 3000);
    for (const int used : {client, server, fd}) {
        close(used);
    }
    // TIME_WAIT is on one side only; a listener may have the port again.
    const int again = socket_of(SOCK_STREAM);
    set_option(again, SOL_SOCKET, SO_REUSEADDR, 1);
    CHECK(bind(again, generic(address), sizeof(address)) == 0);
    close(again);
}

static void child_connects() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const int fd = socket_of(SOCK_STREAM);
    child_does([&] { CHECK(connect(fd, generic(address), sizeof(address)) == 0); });
    const int server = accept(listening, nullptr, nullptr);
    talk(fd, server);
    CHECK_FAILS(connect(fd, generic(address), sizeof(address)), EISCONN);
    child_does([&] { CHECK(shutdown(fd, SHUT_WR) == 0); });
    hear_end(server);
    for (const int used : {fd, server, listening}) {
        close(used);
    }
}

/// A datagram socket gets its port in a child that ends at once: the parent has it still.
static void child_gets_the_port(bool by_sending) {
    const int fd = socket_of(SOCK_DGRAM);
    const int other = bound(SOCK_DGRAM);
    const sockaddr_in address = name_of(other);
    child_does([&] {
        if (by_sending) {
            CHECK(sendto(fd, "x", 1, 0, generic(address), sizeof(address)) == 1);
        } else {
            const sockaddr_in any = loopback();
            CHECK(bind(fd, generic(any), sizeof(any)) == 0);
        }
    });
    const sockaddr_in own = name_of(fd);
    CHECK(own.sin_port != 0);
    for (int i = 0; i < 3; ++i) {
        sleep_ms(100);
        CHECK(close(socket_of(SOCK_DGRAM)) == 0);
    }
    const int rival = socket_of(SOCK_DGRAM);
    CHECK_FAILS(bind(rival, generic(own), sizeof(own)), EADDRINUSE);
    CHECK(sendto(other, "y", 1, 0, generic(loopback(ntohs(own.sin_port))), sizeof(own)) == 1);
    hear(fd, "y");
    CHECK(close(fd) == 0);
    CHECK(bind(rival, generic(own), sizeof(own)) == 0);
    close(rival);
    close(other);
}

int main() {
    close_inherited();
    limit_time();
    child_listens();
    child_connects();
    child_gets_the_port(false);
    child_gets_the_port(true);
}
