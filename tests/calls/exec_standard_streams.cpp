// SPDX-License-Identifier: GPL-2.0
// Programs started on a socket as their standard input and output: by fork and by vfork, directly and through a shell,
// with the environment and without any. What a vfork's child does to its descriptors is not done to the parent's.
#include <fcntl.h>
#include <sys/stat.h>

#include <initializer_list>

#include "children.h"

extern char** environ;
static char* nothing[] = {nullptr};

static pid_t start(bool by_vfork, int fd, const char* const* words, char** environment) {
    const pid_t pid = by_vfork ? vfork() : fork();
    if (pid == 0) {
        if (dup2(fd, 0) != 0 || dup2(fd, 1) != 1) {
            _exit(99);
        }
        closefrom(3);
        execve(words[0], const_cast<char* const*>(words), environment);
        _exit(98);
    }
    CHECK(pid > 0);
    return pid;
}

static void echoes(bool by_vfork, const char* const* words, char** environment) {
    struct stat before {
    }, after{};
    CHECK(fstat(0, &before) == 0);
    const Pair pair;
    const pid_t pid = start(by_vfork, pair.server, words, environment);
    CHECK(fstat(0, &after) == 0 && before.st_dev == after.st_dev && before.st_ino == after.st_ino);
    CHECK(close(pair.server) == 0);
    say(pair.client, "first line\n");
    hear(pair.client, "first line\n");
    say(pair.client, "second line\n");
    hear(pair.client, "second line\n");
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    hear_end(pair.client);
    expect_success(pid);
    close(pair.client);
}

int main() {
    close_inherited();
    limit_time();
    const char* const cat[] = {"/bin/cat", nullptr};
    const char* const shell[] = {"/bin/sh", "-c", "/bin/cat | /bin/cat", nullptr};
    const char* const reader[] = {"/bin/sh", "-c", "while read -r line; do echo \"$line\"; done", nullptr};
    for (const bool by_vfork : {false, true}) {
        for (char** environment : {environ, nothing}) {
            echoes(by_vfork, cat, environment);
            echoes(by_vfork, shell, environment);
            echoes(by_vfork, reader, environment);
        }
    }
}
