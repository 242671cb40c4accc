// SPDX-License-Identifier: GPL-2.0
// A socket belongs to the user who made it, as /proc/net/tcp and /proc/net/udp show; a connection to who accepted it.
#include <string>

#include "check.h"

namespace {

/// The user of the socket with this number in the lists of sockets (proc_pid_net(5)); -1: it is not there.
int user_of(const char* path, unsigned port, const char* state) {
    FILE* list = fopen(path, "r");
    CHECK(list != nullptr);
    char line[512];
    int found = -1;
    while (fgets(line, sizeof(line), list) != nullptr) {
        unsigned local = 0;
        char is[3] = "";
        int user = -1;
        if (sscanf(line, " %*d: %*[0-9A-F]:%X %*s %2s %*s %*s %*s %d", &local, is, &user) == 3 && local == port &&
            strcmp(is, state) == 0) {
            found = user;
        }
    }
    CHECK(fclose(list) == 0);
    return found;
}

void sockets_are_ours(int user) {
    static constexpr char kListens[] = "0A", kConnected[] = "01", kUnconnected[] = "07";
    const int datagrams = bound(SOCK_DGRAM);
    CHECK(user_of("/proc/net/udp", ntohs(name_of(datagrams).sin_port), kUnconnected) == user);
    const int listener = bound(SOCK_STREAM);
    CHECK(listen(listener, 1) == 0);
    const unsigned port = ntohs(name_of(listener).sin_port);
    CHECK(user_of("/proc/net/tcp", port, kListens) == user);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in server = name_of(listener);
    CHECK(connect(client, generic(server), sizeof(server)) == 0);
    const int accepted = accept(listener, nullptr, nullptr);
    CHECK(accepted >= 0);
    CHECK(user_of("/proc/net/tcp", port, kConnected) == user);
    CHECK(user_of("/proc/net/tcp", ntohs(name_of(client).sin_port), kConnected) == user);
    for (const int fd : {datagrams, listener, client, accepted}) {
        CHECK(close(fd) == 0);
    }
}

}  // namespace

int main() {
    sockets_are_ours(static_cast<int>(geteuid()));
    if (geteuid() == 0) {  // who may become another
        CHECK(seteuid(65533) == 0);
        sockets_are_ours(65533);
        CHECK(seteuid(0) == 0);
        sockets_are_ours(0);
    }
    return 0;
}
