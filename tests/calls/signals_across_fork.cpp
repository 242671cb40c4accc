// SPDX-License-Identifier: GPL-2.0
// Signals go to the process they are sent to: a child blocked in a call is interrupted, its parent blocked in the same
// call is not; handlers and masks are inherited; a handler forks.
#include <signal.h>

#include "children.h"

static volatile sig_atomic_t caught = 0;
static int forked_in_handler_over = -1;

static void handle(int number, void (*handler)(int), int flags) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    CHECK(sigaction(number, &action, nullptr) == 0);
}

static void count(int) { caught = caught + 1; }

static void fork_in_handler(int) {
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(write(forked_in_handler_over, "from a handler", 14) == 14 ? 0 : 1);
    }
}

int main() {
    close_inherited();
    limit_time();
    const Pair pair;
    handle(SIGUSR1, count, 0);

    const Bell ready;
    pid_t child = in_child([&] {
        char byte;
        ready.ring();
        CHECK_FAILS(read(pair.server, &byte, 1), EINTR);
        CHECK(caught == 1);
        handle(SIGUSR1, count, SA_RESTART);
        ready.ring();
        hear(pair.server, "restarted");
        CHECK(caught == 2);
    });
    ready.wait();
    sleep_ms(30);
    CHECK(kill(child, SIGUSR1) == 0);
    ready.wait();
    sleep_ms(30);
    CHECK(kill(child, SIGUSR1) == 0);
    sleep_ms(30);
    say(pair.client, "restarted");
    expect_success(child);
    CHECK(caught == 0);

    // The parent is blocked, and its child interrupted beside it.
    child = in_child([&] {
        const pid_t grandchild = in_child([&] {
            char byte;
            ready.ring();
            CHECK_FAILS(read(pair.client, &byte, 1), EINTR);
        });
        ready.wait();
        sleep_ms(30);
        CHECK(kill(grandchild, SIGUSR1) == 0);
        expect_success(grandchild);
        say(pair.client, "not interrupted");
    });
    hear(pair.server, "not interrupted");
    expect_success(child);
    CHECK(caught == 0);

    // A signal that comes from the child, to the parent blocked in a call, with a handler that forks.
    handle(SIGUSR2, fork_in_handler, SA_RESTART);
    forked_in_handler_over = pair.client;
    child = in_child([&] {
        sleep_ms(30);
        CHECK(kill(getppid(), SIGUSR2) == 0);
    });
    hear(pair.server, "from a handler");
    for (int i = 0; i < 2; ++i) {
        int status = 0;
        CHECK(wait(&status) > 0 && status == 0);
    }
    talk(pair.client, pair.server);
}
