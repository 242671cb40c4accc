// SPDX-License-Identifier: GPL-2.0
// posix_spawn with file actions on sockets: made standard streams, closed, kept although close-on-exec; the parent's
// own are as they were.
#include <fcntl.h>
#include <spawn.h>

#include "children.h"

extern char** environ;

int main() {
    close_inherited();
    limit_time();
    for (int round = 0; round < 5; ++round) {
        const Pair pair;
        CHECK(fcntl(pair.server, F_SETFD, FD_CLOEXEC) == 0 && fcntl(pair.client, F_SETFD, FD_CLOEXEC) == 0);
        posix_spawn_file_actions_t actions;
        CHECK(posix_spawn_file_actions_init(&actions) == 0);
        CHECK(posix_spawn_file_actions_adddup2(&actions, pair.server, 0) == 0);
        CHECK(posix_spawn_file_actions_adddup2(&actions, 0, 1) == 0);
        CHECK(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0);
        char* words[] = {const_cast<char*>("cat"), nullptr};
        char* nothing[] = {nullptr};
        pid_t pid = 0;
        CHECK(posix_spawnp(&pid, "cat", &actions, nullptr, words, round % 2 == 0 ? environ : nothing) == 0);
        CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
        CHECK(fcntl(pair.server, F_GETFD) == FD_CLOEXEC);
        CHECK(close(pair.server) == 0);
        say(pair.client, "through cat");
        hear(pair.client, "through cat");
        CHECK(shutdown(pair.client, SHUT_WR) == 0);
        hear_end(pair.client);
        expect_success(pid);
        CHECK(close(pair.client) == 0);
    }
    // dup2 onto itself takes close-on-exec off in the child alone; the shell writes to the number it is told.
    const Pair pair;
    CHECK(dup2(pair.server, 7) == 7 && fcntl(7, F_SETFD, FD_CLOEXEC) == 0);
    CHECK(fcntl(pair.server, F_SETFD, FD_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&actions, 7, 7) == 0);
    CHECK(posix_spawn_file_actions_addclose(&actions, pair.client) == 0);
    char* words[] = {const_cast<char*>("sh"), const_cast<char*>("-c"), const_cast<char*>("echo told >&7"), nullptr};
    pid_t pid = 0;
    CHECK(posix_spawn(&pid, "/bin/sh", &actions, nullptr, words, environ) == 0);
    hear(pair.client, "told\n");
    expect_success(pid);
    CHECK(fcntl(7, F_GETFD) == FD_CLOEXEC);
    talk(pair.client, pair.server);
    // system() and popen() hand it on as they hand on any descriptor.
    CHECK(dup2(pair.server, 7) == 7);
    CHECK(system("echo system >&7") == 0);
    hear(pair.client, "system\n");
    FILE* pipe = popen("cat >&7", "w");
    CHECK(pipe != nullptr && fputs("popen\n", pipe) >= 0 && pclose(pipe) == 0);
    hear(pair.client, "popen\n");
}
