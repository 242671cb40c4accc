// SPDX-License-Identifier: GPL-2.0
// Programs with sockets start others: by fork and exec, vfork (whose child closes descriptors), posix_spawn,
// system and popen. Nothing of it disturbs the parent's connection.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "check.h"

extern char** environ;

static void expect_success(pid_t pid) {
    int status = 0;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main() {
    const Pair pair;
    signal(SIGUSR2, [](int) {});
    char* const arguments[] = {const_cast<char*>("true"), nullptr};

    pid_t pid = fork();
    if (pid == 0) {
        close(pair.client);
        dup2(pair.server, 0);
        execvp("true", arguments);
        _exit(1);
    }
    expect_success(pid);

    pid = vfork();
    if (pid == 0) {
        close(pair.client);
        close(pair.server);
        signal(SIGUSR2, SIG_DFL);
        execvp("true", arguments);
        _exit(1);
    }
    expect_success(pid);

    pid = fork();
    if (pid == 0) {
        exit(0);  // a child that ends without exec must not close its parent's connections
    }
    expect_success(pid);

    // What a child does with a socket it shares must not spoil it for the parent.
    const int fresh = socket(AF_INET, SOCK_STREAM, 0);
    pid = fork();
    if (pid == 0) {
        close(fresh);
        _exit(0);
    }
    expect_success(pid);
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    CHECK(connect(fresh, generic(address), sizeof(address)) == 0);

    CHECK(posix_spawnp(&pid, "true", nullptr, nullptr, arguments, environ) == 0);
    expect_success(pid);
    CHECK(system("exec true") == 0);
    FILE* stream = popen("echo hello", "r");
    char line[16];
    CHECK(stream != nullptr && fgets(line, sizeof(line), stream) != nullptr && strcmp(line, "hello\n") == 0);
    CHECK(pclose(stream) == 0);

    CHECK(raise(SIGUSR2) == 0);
    char byte;
    CHECK(write(pair.client, "x", 1) == 1 && read(pair.server, &byte, 1) == 1);
}
