// SPDX-License-Identifier: GPL-2.0
// Ports that the kernel chooses: from IP_LOCAL_PORT_RANGE, only at connect() with IP_BIND_ADDRESS_NO_PORT, gone again
// after connect() to AF_UNSPEC and when the connection has ended, so that the socket can be bound and connected anew.
#include <netinet/in.h>

#include <initializer_list>

#include "check.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

static int port_of(int fd) { return ntohs(name_of(fd).sin_port); }

static void connect_to(int fd, int listening) {
    const sockaddr_in address = name_of(listening);
    CHECK(connect(fd, generic(address), sizeof(address)) == 0);
}

static void disconnect(int fd) {
    sockaddr nobody{};
    nobody.sa_family = AF_UNSPEC;
    CHECK(connect(fd, &nobody, sizeof(nobody)) == 0);
}

static void talk(int client, int listening) {
    const int server = accept(listening, nullptr, nullptr);
    CHECK(server >= 0);
    char got[4] = "";
    CHECK(send(client, "abc", 4, 0) == 4);
    CHECK(recv(server, got, sizeof(got), MSG_WAITALL) == 4 && strcmp(got, "abc") == 0);
    close(server);
}

static void from_a_range() {
    constexpr int kLow = 41000;
    for (int type : {SOCK_STREAM, SOCK_DGRAM}) {
        int fds[4];
        for (int& fd : fds) {
            fd = socket(AF_INET, type, 0);
            set_option(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (kLow + 3) << 16 | kLow);
            const sockaddr_in any = loopback();
            CHECK(bind(fd, generic(any), sizeof(any)) == 0);
            CHECK(port_of(fd) >= kLow && port_of(fd) <= kLow + 3);
        }
        const int fifth = socket(AF_INET, type, 0);
        set_option(fifth, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (kLow + 3) << 16 | kLow);
        const sockaddr_in any = loopback();
        CHECK_FAILS(bind(fifth, generic(any), sizeof(any)), EADDRINUSE);
        close(fds[2]);
        CHECK(bind(fifth, generic(any), sizeof(any)) == 0);
        for (int fd : fds) {
            close(fd);
        }
        close(fifth);
    }
}

static void later() {
    const int listening = listener();
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const sockaddr_in any = loopback();
    CHECK(bind(fd, generic(any), sizeof(any)) == 0);
    CHECK(port_of(fd) == 0 && name_of(fd).sin_addr.s_addr == any.sin_addr.s_addr);
    connect_to(fd, listening);
    CHECK(port_of(fd) != 0 && name_of(fd).sin_addr.s_addr == any.sin_addr.s_addr);
    talk(fd, listening);
    close(fd);
    close(listening);
}

static void after_disconnecting() {
    const int listening = listener();
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    for (int i = 0; i < 3; ++i) {
        connect_to(tcp, listening);
        CHECK(port_of(tcp) != 0);
        talk(tcp, listening);
        disconnect(tcp);  // getsockname() goes on showing the port that is no longer the socket's
    }
    close(tcp);

    const int receiver = bound(SOCK_DGRAM);
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    for (int i = 0; i < 3; ++i) {
        char got[4] = "";
        connect_to(udp, receiver);
        CHECK(port_of(udp) != 0);
        CHECK(send(udp, "udp", 4, 0) == 4);
        CHECK(recv(receiver, got, sizeof(got), 0) == 4 && strcmp(got, "udp") == 0);
        disconnect(udp);
        CHECK(port_of(udp) == 0);
    }
    const sockaddr_in address = name_of(receiver);
    CHECK(sendto(udp, "udp", 4, 0, generic(address), sizeof(address)) == 4);
    CHECK(port_of(udp) != 0);
    close(udp);
    close(receiver);
    close(listening);
}

/// A port that was named stays.
static void named_port_stays() {
    const int listening = listener();
    const int spare = listener();
    const sockaddr_in named = name_of(spare);
    close(spare);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(fd, generic(named), sizeof(named)) == 0);
    connect_to(fd, listening);
    disconnect(fd);
    CHECK(name_of(fd).sin_port == named.sin_port);
    CHECK_FAILS(bind(fd, generic(named), sizeof(named)), EINVAL);
    close(fd);
    close(listening);
}

static void after_refusal() {
    const int gone = listener();
    const sockaddr_in nowhere = name_of(gone);
    close(gone);
    const int listening = listener();
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_FAILS(connect(fd, generic(nowhere), sizeof(nowhere)), ECONNREFUSED);
    connect_to(fd, listening);
    talk(fd, listening);
    close(fd);
    close(listening);
}

static void after_both_ends_are_closed() {
    const int listening = listener();
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    connect_to(fd, listening);
    const int server = accept(listening, nullptr, nullptr);
    CHECK(shutdown(server, SHUT_RDWR) == 0);
    close(server);
    CHECK(shutdown(fd, SHUT_RDWR) == 0);
    pollfd end{fd, POLLHUP, 0};
    CHECK(poll(&end, 1, 3000) == 1);
    const sockaddr_in any = loopback();
    CHECK(bind(fd, generic(any), sizeof(any)) == 0);
    close(fd);
    close(listening);
}

int main() {
    from_a_range();
    later();
    after_disconnecting();
    named_port_stays();
    after_refusal();
    after_both_ends_are_closed();
}
