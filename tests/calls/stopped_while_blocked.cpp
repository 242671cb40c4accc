// SPDX-License-Identifier: GPL-2.0
// A child blocked in a call is stopped and continued, or traced: its call goes on as if nothing had been, and its
// parent's calls meanwhile are not held up.
#include <signal.h>
#include <sys/ptrace.h>

#include "children.h"

static void stop_and_continue() {
    const Pair pair, other;
    const pid_t child = in_child([&] { hear(pair.server, "later"); });
    for (int i = 0; i < 5; ++i) {
        sleep_ms(20);
        CHECK(kill(child, SIGSTOP) == 0);
        int status = 0;
        CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        talk(other.client, other.server);
        CHECK(kill(child, SIGCONT) == 0);
        CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
        talk(other.client, other.server);
    }
    CHECK(kill(child, SIGSTOP) == 0);
    say(pair.client, "later");
    sleep_ms(20);
    CHECK(kill(child, SIGCONT) == 0);
    expect_success(child);
}

static void attached() {
    const Pair pair, other;
    const pid_t child = in_child([&] { hear(pair.server, "later"); });
    for (int i = 0; i < 3; ++i) {
        sleep_ms(20);
        CHECK(ptrace(PTRACE_SEIZE, child, nullptr, nullptr) == 0);
        CHECK(ptrace(PTRACE_INTERRUPT, child, nullptr, nullptr) == 0);
        int status = 0;
        CHECK(waitpid(child, &status, __WALL) == child && WIFSTOPPED(status));
        talk(other.client, other.server);
        CHECK(ptrace(PTRACE_DETACH, child, nullptr, nullptr) == 0);
    }
    sleep_ms(20);
    say(pair.client, "later");
    expect_success(child);
}

/// A child that asks to be traced, and stops at a signal while it is blocked.
static void traced() {
    const Pair pair, other;
    const pid_t child = in_child([&] {
        CHECK(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0);
        raise(SIGSTOP);
        say(other.client, "traced");
        hear(pair.server, "later");
    });
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    CHECK(ptrace(PTRACE_CONT, child, nullptr, nullptr) == 0);
    hear(other.server, "traced");
    sleep_ms(20);
    CHECK(kill(child, SIGUSR1) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1);
    talk(other.client, other.server);
    CHECK(ptrace(PTRACE_CONT, child, nullptr, nullptr) == 0);
    say(pair.client, "later");
    expect_success(child);
}

int main() {
    close_inherited();
    limit_time();
    stop_and_continue();
    attached();
    traced();
}
