// SPDX-License-Identifier: GPL-2.0
// A UDP socket that sends without bind() gets a port, and the answer reaches it. IPv4 and IPv6, connected or not.
#include "check.h"

static void exchange(int family, bool connected) {
    sockaddr_storage address{};
    socklen_t len = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    address.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) {
        reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
    }
    auto* generic_address = reinterpret_cast<sockaddr*>(&address);
    const int server = socket(family, SOCK_DGRAM, 0);
    CHECK(bind(server, generic_address, len) == 0);
    CHECK(getsockname(server, generic_address, &len) == 0);

    const int client = socket(family, SOCK_DGRAM, 0);
    if (connected) {
        CHECK(connect(client, generic_address, len) == 0);
        CHECK(send(client, "ping", 4, 0) == 4);
    } else {
        CHECK(sendto(client, "ping", 4, 0, generic_address, len) == 4);
    }
    char buffer[8];
    sockaddr_storage from{};
    socklen_t from_len = sizeof(from);
    CHECK(recvfrom(server, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from), &from_len) == 4);
    CHECK(sendto(server, "pong!", 5, 0, reinterpret_cast<sockaddr*>(&from), from_len) == 5);
    CHECK(recv(client, buffer, sizeof(buffer), 0) == 5 && memcmp(buffer, "pong!", 5) == 0);
    CHECK(close(client) == 0 && close(server) == 0);
}

int main() {
    exchange(AF_INET, false);
    exchange(AF_INET, true);
    exchange(AF_INET6, false);
    exchange(AF_INET6, true);
}
