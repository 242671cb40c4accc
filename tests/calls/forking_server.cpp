// SPDX-License-Identifier: GPL-2.0
// A server of the old kind: accept, fork, the child talks over stdio on the connection and exits, SIGCHLD is ignored or
// reaped in a handler. Fifty clients at once, each a process too.
#include <signal.h>

#include <vector>

#include "children.h"

constexpr int kClients = 50;

static void converse(int fd) {
    FILE* stream = fdopen(fd, "r+");
    char line[256];
    CHECK(stream != nullptr);
    while (fgets(line, sizeof(line), stream) != nullptr) {
        CHECK(fseek(stream, 0, SEEK_CUR) == 0 || errno == ESPIPE);
        CHECK(fprintf(stream, "%d got %s", getpid(), line) > 0 && fflush(stream) == 0);
    }
    fclose(stream);
}

static void client(const sockaddr_in& address, int number) {
    const int fd = connected_to(address);
    FILE* stream = fdopen(fd, "r+");
    CHECK(stream != nullptr);
    int served_by = 0;
    for (int i = 0; i < 5; ++i) {
        char line[256], expected[256];
        CHECK(fprintf(stream, "line %d of client %d\n", i, number) > 0 && fflush(stream) == 0);
        CHECK(fgets(line, sizeof(line), stream) != nullptr);
        const int pid = atoi(line);
        CHECK(served_by == 0 || served_by == pid);
        served_by = pid;
        snprintf(expected, sizeof(expected), "%d got line %d of client %d\n", pid, i, number);
        CHECK(strcmp(line, expected) == 0);
    }
    fclose(stream);
}

int main() {
    close_inherited();
    limit_time();
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const pid_t server = in_child([&] {
        signal(SIGCHLD, SIG_IGN);
        for (int i = 0; i < kClients; ++i) {
            const int fd = accept(listening, nullptr, nullptr);
            CHECK(fd >= 0);
            in_child([&] {
                CHECK(close(listening) == 0);
                converse(fd);
            });
            CHECK(close(fd) == 0);
        }
        CHECK_FAILS(waitpid(-1, nullptr, 0), ECHILD);  // returns when all have ended
    });
    std::vector<pid_t> clients;
    for (int i = 0; i < kClients; ++i) {
        clients.push_back(in_child([&] { client(address, i); }));
    }
    for (const pid_t pid : clients) {
        expect_success(pid);
    }
    expect_success(server);
}
