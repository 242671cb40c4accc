// SPDX-License-Identifier: GPL-2.0
// A socket made in the parent, bound, listened on or connected in the child: so it is for the parent. The port is taken
// until the last of them has closed it, and then free.
#include <initializer_list>

#include "children.h"

static sockaddr_in bound_by_child(int fd) {
    CHECK(name_of(fd).sin_port == 0);
    child_does([&] {
        const sockaddr_in any = loopback();
        CHECK(bind(fd, generic(any), sizeof(any)) == 0 && name_of(fd).sin_port != 0);
    });
    const sockaddr_in address = name_of(fd);
    CHECK(address.sin_port != 0);
    return address;
}

static void tcp() {
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = bound_by_child(listening);
    CHECK_FAILS(bind(listening, generic(address), sizeof(address)), EINVAL);
    child_does([&] { CHECK(listen(listening, 8) == 0); });
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    const pid_t child = in_child([&] { CHECK(connect(client, generic(address), sizeof(address)) == 0); });
    const int server = accept(listening, nullptr, nullptr);
    expect_success(child);
    talk(client, server);
    CHECK(name_of(client).sin_port != 0);

    // Both processes make more of it.
    child_does([&] {
        const int more = connected_to(address);
        const int accepted = accept(listening, nullptr, nullptr);
        talk(more, accepted);
    });
    for (const int fd : {client, server, listening}) {
        CHECK(close(fd) == 0);
    }
}

static void udp() {
    const int receiver = socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in address = bound_by_child(receiver);
    const int sender = socket(AF_INET, SOCK_DGRAM, 0);
    const pid_t child = in_child([&] {
        CHECK(sendto(sender, "datagram", 8, 0, generic(address), sizeof(address)) == 8);  // binds it, too
    });
    sockaddr_in from{};
    socklen_t len = sizeof(from);
    char buffer[16];
    CHECK(recvfrom(receiver, buffer, sizeof(buffer), 0, generic(from), &len) == 8);
    expect_success(child);
    CHECK(from.sin_port == name_of(sender).sin_port);
    CHECK(sendto(receiver, "answer", 6, 0, generic(from), sizeof(from)) == 6);
    CHECK(recv(sender, buffer, sizeof(buffer), 0) == 6);
    close(sender);
    close(receiver);
}

static void the_port_is_taken_as_long_as_one_has_it() {
    const int first = listener();
    const sockaddr_in address = name_of(first);
    const Bell go;
    const pid_t child = in_child([&] { go.wait(); });
    CHECK(close(first) == 0);
    const int second = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(bind(second, generic(address), sizeof(address)), EADDRINUSE);
    go.ring();
    expect_success(child);
    CHECK(bind(second, generic(address), sizeof(address)) == 0);
    child_does([&] {
        const int third = socket(AF_INET, SOCK_STREAM, 0);
        CHECK_FAILS(bind(third, generic(address), sizeof(address)), EADDRINUSE);
        CHECK(close(second) == 0);
        CHECK_FAILS(bind(third, generic(address), sizeof(address)), EADDRINUSE);
    });
    CHECK(close(second) == 0);
    child_does([&] {
        const int third = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(bind(third, generic(address), sizeof(address)) == 0);
    });
}

int main() {
    close_inherited();
    limit_time();
    tcp();
    udp();
    the_port_is_taken_as_long_as_one_has_it();
}
