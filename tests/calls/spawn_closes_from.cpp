// SPDX-License-Identifier: GPL-2.0
// posix_spawn that closes all but the standard streams, which are a socket, in a new session: the program talks over
// it, and nothing else of its parent's stays open in it.
#include <spawn.h>

#include "children.h"

extern char** environ;

int main() {
    close_inherited();
    limit_time();
    for (int round = 0; round < 5; ++round) {
        const Pair pair, other;
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        CHECK(posix_spawn_file_actions_init(&actions) == 0 && posix_spawnattr_init(&attributes) == 0);
        CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK) == 0);
        CHECK(posix_spawn_file_actions_addchdir_np(&actions, "/") == 0);
        CHECK(posix_spawn_file_actions_adddup2(&actions, pair.server, 0) == 0);
        CHECK(posix_spawn_file_actions_adddup2(&actions, pair.server, 1) == 0);
        CHECK(posix_spawn_file_actions_addclosefrom_np(&actions, 3) == 0);
        char* words[] = {const_cast<char*>("cat"), nullptr};
        pid_t pid = 0;
        CHECK(posix_spawnp(&pid, "cat", &actions, &attributes, words, environ) == 0);
        CHECK(posix_spawnattr_destroy(&attributes) == 0 && posix_spawn_file_actions_destroy(&actions) == 0);
        CHECK(close(pair.server) == 0 && close(other.server) == 0);
        hear_end(other.client);
        say(pair.client, "through cat");
        hear(pair.client, "through cat");
        CHECK(shutdown(pair.client, SHUT_WR) == 0);
        hear_end(pair.client);
        expect_success(pid);
        CHECK(close(pair.client) == 0 && close(other.client) == 0);
    }
}
