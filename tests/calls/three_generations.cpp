// SPDX-License-Identifier: GPL-2.0
// As daemons do: who opened the listener leaves, so does its child, and its grandchild; the fourth serves, when nobody
// who knows where it came from is left. Clients are a relative, and whoever comes later.
#include "children.h"

/// The server: an answer to each question, until one that is the last.
static void serve(int listening) {
    for (bool last = false; !last;) {
        const int fd = accept(listening, nullptr, nullptr);
        char what = 0;
        CHECK(fd >= 0 && read(fd, &what, 1) == 1);
        say(fd, "served");
        last = what == 'l';
        close(fd);
    }
}

static void ask(const sockaddr_in& address, const char* what) {
    const int fd = connected_to(address);
    say(fd, what);
    hear(fd, "served");
    hear_end(fd);
    close(fd);
}

/// Forks and leaves, so many times; who is left goes on. `gone` rings for each that leaves.
static void become_descendant(int generations, const Bell& gone) {
    for (int i = 0; i < generations; ++i) {
        const pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid != 0) {
            gone.ring();
            _exit(0);
        }
        limit_time();
        if (i == 0) {
            CHECK(setsid() == getpid());
        }
    }
}

/// The first process with a socket, and so of a stack.
static void first(const Bell& gone, const Bell& verdict) {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const Pair from_before;
    const pid_t client = fork();
    CHECK(client >= 0);
    if (client == 0) {
        limit_time();
        CHECK(close(listening) == 0 && close(from_before.server) == 0);
        for (int i = 0; i < 3; ++i) {
            gone.wait();
        }
        sleep_ms(100);
        for (int i = 0; i < 10; ++i) {
            ask(address, "m");
        }
        say(from_before.client, "from before");
        hear(from_before.client, "to the fourth");
        ask(address, "l");
        hear_end(from_before.client);
        // The fourth ends: what it has open is closed one by one.
        for (int tries = 0;; ++tries) {
            const int late = socket(AF_INET, SOCK_STREAM, 0);
            if (connect(late, generic(address), sizeof(address)) != 0) {
                CHECK(errno == ECONNREFUSED);
                break;
            }
            close(late);
            CHECK(tries < 200);
            sleep_ms(10);
        }
        verdict.ring();
        _exit(0);
    }
    CHECK(close(from_before.client) == 0);
    become_descendant(3, gone);
    // A child of the fourth opens sockets of its own and takes part.
    const pid_t child = in_child([&] {
        const Pair own;
        talk(own.client, own.server);
        hear(from_before.server, "from before");
        say(from_before.server, "to the fourth");
    });
    serve(listening);
    expect_success(child);
    _exit(0);
}

int main() {
    close_inherited();
    limit_time();
    // This process has no socket and only waits for the word of the one who asked.
    const Bell gone;
    Bell verdict;
    const pid_t pid = in_child([&] { first(gone, verdict); });
    verdict.only_wait();
    expect_success(pid);
    verdict.wait();
}
