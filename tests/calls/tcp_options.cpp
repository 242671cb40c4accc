// SPDX-License-Identifier: GPL-2.0
// TCP options: TCP_INFO is the connection's own, TCP_CORK holds back, TCP_MAXSEG and the rest keep what they are told.
#include <linux/tcp.h>
#include <poll.h>

#include "check.h"

static tcp_info info_of(int fd) {
    tcp_info info{};
    socklen_t len = sizeof(info);
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && len >= 104);
    return info;
}

static void info() {
    enum { kEstablished = 1, kFinWait2 = 5, kClose = 7, kCloseWait = 8, kListen = 10 };
    const int fresh = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(info_of(fresh).tcpi_state == kClose);
    const int listening = listener();
    CHECK(info_of(listening).tcpi_state == kListen && info_of(listening).tcpi_sacked == 64);  // the backlog
    const Pair pair;
    CHECK(write(pair.client, "0123456789", 10) == 10);
    char buffer[16];
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 10);
    CHECK(write(pair.server, "ab", 2) == 2 && read(pair.client, buffer, sizeof(buffer)) == 2);
    const tcp_info client = info_of(pair.client);
    CHECK(client.tcpi_state == kEstablished && client.tcpi_snd_cwnd >= 2 && client.tcpi_rtt > 0);
    CHECK(client.tcpi_bytes_acked == 11 || client.tcpi_bytes_acked == 10);  // the SYN may count
    CHECK(client.tcpi_bytes_received == 2 && client.tcpi_bytes_sent == 10 && client.tcpi_total_retrans == 0);
    CHECK(info_of(pair.server).tcpi_bytes_received == 10);
    CHECK((client.tcpi_options & TCPI_OPT_SACK) != 0 && client.tcpi_snd_mss > 500);
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 0);
    CHECK(info_of(pair.server).tcpi_state == kCloseWait);
    const long start = now_ms();  // the acknowledgement may be a delayed one
    while (info_of(pair.client).tcpi_state != kFinWait2) {
        CHECK(now_ms() - start < 2000);
        sleep_ms(5);
    }
}

static void cork() {
    const Pair pair;
    pollfd entry{pair.server, POLLIN, 0};
    set_option(pair.client, IPPROTO_TCP, TCP_CORK, 1);
    CHECK(option_of(pair.client, IPPROTO_TCP, TCP_CORK) == 1);
    CHECK(write(pair.client, "held", 4) == 4);
    CHECK(poll(&entry, 1, 50) == 0);
    set_option(pair.client, IPPROTO_TCP, TCP_CORK, 0);
    CHECK(poll(&entry, 1, 2000) == 1);
    CHECK(send(pair.client, "more", 4, MSG_MORE) == 4);
    char buffer[16];
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 4);
    CHECK(poll(&entry, 1, 50) == 0);
    set_option(pair.client, IPPROTO_TCP, TCP_NODELAY, 1);  // pushes, too
    CHECK(poll(&entry, 1, 2000) == 1);
}

static void keeps(int fd, int option, int value) {
    set_option(fd, IPPROTO_TCP, option, value);
    CHECK(option_of(fd, IPPROTO_TCP, option) == value);
}

static void values() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    keeps(fd, TCP_NODELAY, 1);
    keeps(fd, TCP_KEEPIDLE, 77);
    keeps(fd, TCP_KEEPINTVL, 7);
    keeps(fd, TCP_KEEPCNT, 4);
    keeps(fd, TCP_SYNCNT, 3);
    keeps(fd, TCP_LINGER2, 9);
    keeps(fd, TCP_USER_TIMEOUT, 12345);
    keeps(fd, TCP_QUICKACK, 0);
    keeps(fd, TCP_WINDOW_CLAMP, 30000);
    keeps(fd, TCP_NOTSENT_LOWAT, 16384);
    set_option(fd, IPPROTO_TCP, TCP_MAXSEG, 600);
    CHECK(option_of(fd, IPPROTO_TCP, TCP_MAXSEG) == 600 || option_of(fd, IPPROTO_TCP, TCP_MAXSEG) == 536);
    int value = 10;
    CHECK_FAILS(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &value, sizeof(value)), EINVAL);
    value = 0;
    CHECK_FAILS(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, sizeof(value)), EINVAL);
    CHECK_FAILS(setsockopt(fd, IPPROTO_TCP, 250, &value, sizeof(value)), ENOPROTOOPT);
    set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
    CHECK(option_of(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 1);

    char name[16] = {};
    socklen_t len = sizeof(name);
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0 && len == sizeof(name) && name[0] != '\0');
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0);
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0 && strcmp(name, "reno") == 0);
    CHECK_FAILS(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6), ENOENT);
    const int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_FAILS(setsockopt(datagram, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)), ENOPROTOOPT);
}

/// A maximum segment set before connect() holds for both directions of the connection.
static void small_segments() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    set_option(client, IPPROTO_TCP, TCP_MAXSEG, 700);
    CHECK(connect(client, generic(address), sizeof(address)) == 0);
    const int server = accept(listening, nullptr, nullptr);
    CHECK(info_of(server).tcpi_snd_mss <= 700 && option_of(server, IPPROTO_TCP, TCP_MAXSEG) <= 700);
}

int main() {
    info();
    cork();
    values();
    small_segments();
}
