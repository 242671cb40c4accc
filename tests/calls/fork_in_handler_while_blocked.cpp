// SPDX-License-Identifier: GPL-2.0
// A signal handler forks while its thread is blocked in a call: the child uses the sockets in the handler, after it,
// and ends; the parent's call goes on, or answers EINTR, as the handler was installed.
#include <signal.h>
#include <sys/epoll.h>

#include "children.h"

static int handlers_socket = -1;
static pid_t child = 0;
static bool child_comes_back = false;

static void on_signal(int) {
    child = fork();
    if (child == 0) {
        say(handlers_socket, "from the handler");
        if (!child_comes_back) {
            _exit(0);
        }
    }
}

static void handle(int flags) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = flags;
    CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
}

/// Somebody else sends the signal when the caller is blocked.
static pid_t signal_soon() {
    const pid_t whom = getpid();
    return in_child([&] {
        sleep_ms(50);
        CHECK(kill(whom, SIGUSR1) == 0);
    });
}

static void restarted() {
    const Pair pair, other;
    handlers_socket = other.client;
    child_comes_back = false;
    handle(SA_RESTART);
    const pid_t sender = signal_soon();
    const pid_t speaker = in_child([&] {
        hear(other.server, "from the handler");
        say(pair.client, "x");
    });
    hear(pair.server, "x");
    expect_success(child);
    expect_success(sender);
    expect_success(speaker);
    talk(pair.client, pair.server);
}

/// The child returns from the handler into the call.
static void both_are_interrupted(bool polls) {
    const Pair pair, other;
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    handlers_socket = other.client;
    child_comes_back = true;
    handle(0);
    const pid_t sender = signal_soon();
    char byte;
    if (polls) {
        CHECK_FAILS(epoll_wait(epoll, &event, 1, 5000), EINTR);
    } else {
        CHECK_FAILS(read(pair.server, &byte, 1), EINTR);
    }
    if (child == 0) {
        say(pair.client, "from the child");
        _exit(0);
    }
    CHECK(epoll_wait(epoll, &event, 1, 5000) == 1);
    hear(pair.server, "from the child");
    hear(other.server, "from the handler");
    expect_success(child);
    expect_success(sender);
    close(epoll);
}

int main() {
    close_inherited();
    limit_time();
    for (int i = 0; i < 5; ++i) {
        restarted();
        both_are_interrupted(false);
        both_are_interrupted(true);
    }
}
