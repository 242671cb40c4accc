// SPDX-License-Identifier: GPL-2.0
// Children that end in every way, beside a parent with a handler for SIGCHLD: it has run when the call is over by which
// the parent learns of the end, and is not blocked afterwards.
#include <signal.h>
#include <spawn.h>

#include <csignal>

#include "children.h"

static volatile sig_atomic_t told;

static void count(int) { told = told + 1; }

static bool is_blocked(int signal) {
    sigset_t mask;
    CHECK(sigprocmask(SIG_BLOCK, nullptr, &mask) == 0);
    return sigismember(&mask, signal) == 1;
}

static pid_t spawned(const char* command) {
    char name[] = "sh", option[] = "-c", text[64];
    snprintf(text, sizeof(text), "%s", command);
    char* const arguments[] = {name, option, text, nullptr};
    pid_t child = 0;
    CHECK(posix_spawn(&child, "/bin/sh", nullptr, nullptr, arguments, environ) == 0);
    return child;
}

static void check_told(sig_atomic_t before) {
    CHECK(told > before);
    CHECK(!is_blocked(SIGCHLD));
}

int main() {
    close_inherited();
    limit_time();
    const Pair pair;
    struct sigaction action {};
    action.sa_handler = count;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGCHLD, &action, nullptr) == 0);
    for (int round = 0; round < 10; ++round) {
        sig_atomic_t before = told;
        const pid_t killed = in_child([] { pause(); });
        CHECK(kill(killed, SIGKILL) == 0);
        expect_signal(killed, SIGKILL);
        check_told(before);

        before = told;
        const pid_t other = spawned("exec sleep 10");
        CHECK(kill(other, SIGKILL) == 0);
        expect_signal(other, SIGKILL);
        check_told(before);

        before = told;
        expect_success(in_child([] {}));
        expect_success(spawned("exit 0"));
        check_told(before);
        talk(pair.client, pair.server);
    }
}
