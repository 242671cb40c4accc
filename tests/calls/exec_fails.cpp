// SPDX-License-Identifier: GPL-2.0
// An execve that fails (no such file, not executable, no format, too much) leaves the process as it was: its sockets
// work, those with close-on-exec too, and the next execve succeeds. After fork, after vfork, in posix_spawn.
#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>

#include <string>
#include <thread>

#include "children.h"

extern char** environ;
static char* words[] = {const_cast<char*>("word"), nullptr};

static void failing_calls() {
    CHECK_FAILS(execve("/no/such/program", words, environ), ENOENT);
    CHECK_FAILS(execvp("no-such-program-anywhere", words), ENOENT);
    CHECK_FAILS(execve("/etc/passwd", words, environ), EACCES);
    CHECK_FAILS(execve("/", words, environ), EACCES);
    std::string large(256U << 10, 'x');
    char* too_much[] = {large.data(), nullptr};
    CHECK_FAILS(execve("/bin/true", too_much, environ), E2BIG);
}

int main() {
    close_inherited();
    limit_time();
    setenv("PATH", "/usr/bin:/bin", 1);  // a folder that may not be searched makes EACCES of ENOENT
    const Pair pair;
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    CHECK(fcntl(pair.server, F_SETFD, FD_CLOEXEC) == 0);

    failing_calls();
    talk(pair.client, pair.server);
    const int client = connected_to(address);
    const int server = accept(listening, nullptr, nullptr);
    talk(client, server);

    child_does([&] {
        failing_calls();
        talk(pair.client, pair.server);
        const Pair own;
        talk(own.client, own.server);
        execl("/bin/true", "true", nullptr);
    });

    // With a thread blocked on a socket at that moment, which must not be ended by an exec that fails.
    std::thread reader([&] { hear(pair.server, "after"); });
    sleep_ms(20);
    failing_calls();
    say(pair.client, "after");
    reader.join();

    const pid_t child = vfork();
    if (child == 0) {
        execve("/no/such/program", words, environ);
        _exit(errno == ENOENT ? 0 : 1);
    }
    expect_success(child);
    pid_t spawned = 0;
    CHECK(posix_spawn(&spawned, "/no/such/program", nullptr, nullptr, words, environ) == ENOENT);
    CHECK_FAILS(waitpid(-1, nullptr, 0), ECHILD);
    talk(pair.client, pair.server);
    talk(client, server);
}
