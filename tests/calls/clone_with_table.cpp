// SPDX-License-Identifier: GPL-2.0
// A child that clone(2) gave its parent's descriptor table but not its memory (CLONE_FILES) uses sockets and ends: its
// parent has all it had, and its threads that are blocked in every manner are woken as before.
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <initializer_list>
#include <thread>
#include <vector>

#include "children.h"

static const Pair* shared;

static int talks(void*) {
    limit_time();
    talk(shared->client, shared->server);
    const Pair own;
    talk(own.client, own.server);
    CHECK(close(own.client) == 0);
    hear_end(own.server);
    CHECK(close(own.server) == 0);
    return 0;
}

static int does_nothing(void*) { return 0; }

static pid_t by_number() {
    const long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) {
        talks(nullptr);
        _exit(0);
    }
    return static_cast<pid_t>(pid);
}

/// Waits on a socket and on a pipe, for as many bytes on the socket.
static void wait_on_both(int fd, int pipe, int count) {
    for (int i = 0; i < count; ++i) {
        pollfd both[] = {{pipe, POLLIN, 0}, {fd, POLLIN, 0}};
        CHECK(poll(both, 2, 10000) == 1 && both[1].revents == POLLIN);
        hear(fd, "x");
    }
}

int main() {
    close_inherited();
    limit_time();
    const Pair pair, watched, read_from;
    shared = &pair;
    int silent[2];
    CHECK(pipe(silent) == 0);
    constexpr int kRounds = 5;
    std::thread poller([&] { wait_on_both(watched.server, silent[0], 2 * kRounds + 1); });
    std::thread other_poller([&] { wait_on_both(read_from.server, silent[0], 2 * kRounds + 1); });
    std::vector<char> stack(1 << 20);
    char* top = stack.data() + stack.size();
    say(watched.client, "x");
    say(read_from.client, "x");
    for (int round = 0; round < kRounds; ++round) {
        for (const bool uses : {false, true}) {
            sleep_ms(10);
            expect_success(uses && round % 2 == 0
                               ? by_number()
                               : clone(uses ? talks : does_nothing, top, CLONE_FILES | SIGCHLD, nullptr));
            say(watched.client, "x");
            say(read_from.client, "x");
            talk(pair.client, pair.server);
        }
    }
    poller.join();
    other_poller.join();
}
