// SPDX-License-Identifier: GPL-2.0
// F_SETOWN and SIGIO across fork: the owner is a process, not who set it. A child sees its parent as the owner; makes
// itself or a sibling the owner; when the owner has ended nobody is signalled, and nothing breaks.
#include <fcntl.h>
#include <signal.h>

#include "children.h"

static volatile sig_atomic_t caught = 0;

static void on_signal(int) { caught = caught + 1; }

static void await_signal() {
    for (int ms = 0; caught == 0 && ms < 3000; ++ms) {
        sleep_ms(1);
    }
    CHECK(caught > 0);
    caught = 0;
}

int main() {
    close_inherited();
    limit_time();
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGIO, &action, nullptr) == 0);

    const Pair pair;
    const pid_t self = getpid();
    CHECK(fcntl(pair.server, F_SETOWN, self) == 0);
    CHECK(fcntl(pair.server, F_SETFL, O_ASYNC) == 0);

    // The parent is, whoever asks, and whoever writes.
    const Bell go, done;
    pid_t child = in_child([&] {
        CHECK(fcntl(pair.server, F_GETOWN) == self);
        CHECK((fcntl(pair.server, F_GETFL) & O_ASYNC) != 0);
        say(pair.client, "1");
        go.wait();
        CHECK(caught == 0);
    });
    await_signal();
    hear(pair.server, "1");
    go.ring();
    expect_success(child);

    // A child makes itself the owner.
    child = in_child([&] {
        CHECK(fcntl(pair.server, F_SETOWN, getpid()) == 0);
        done.ring();
        await_signal();
        done.ring();
        go.wait();
    });
    done.wait();
    CHECK(fcntl(pair.server, F_GETOWN) == child);
    say(pair.client, "2");
    done.wait();
    CHECK(caught == 0);
    hear(pair.server, "2");
    go.ring();
    expect_success(child);

    // It is gone.
    say(pair.client, "3");
    hear(pair.server, "3");
    CHECK(caught == 0);

    // By its number, from the parent.
    child = in_child([&] {
        go.wait();
        await_signal();
        go.wait();
    });
    CHECK(fcntl(pair.server, F_SETOWN, child) == 0);
    CHECK(fcntl(pair.server, F_GETOWN) == child);
    go.ring();
    say(pair.client, "4");
    hear(pair.server, "4");
    sleep_ms(50);
    CHECK(caught == 0);
    go.ring();
    expect_success(child);

    // Urgent data, for an owner that is a child.
    CHECK(sigaction(SIGURG, &action, nullptr) == 0 && fcntl(pair.server, F_SETFL, 0) == 0);
    child = in_child([&] {
        CHECK(fcntl(pair.server, F_SETOWN, getpid()) == 0);
        done.ring();
        await_signal();
    });
    done.wait();
    CHECK(send(pair.client, "!", 1, MSG_OOB) == 1);
    expect_success(child);
    CHECK(caught == 0);
}
