// SPDX-License-Identifier: GPL-2.0
// A program whose threads never rest forks again and again, from two threads at once: whatever the threads were in the
// middle of, the children can use sockets, old ones and new ones, and the parent's streams stay whole.
#include <atomic>
#include <thread>
#include <vector>

#include "children.h"

constexpr int kForks = 15;
constexpr int kStreams = 3;

static std::atomic<bool> over = false;

/// Counts up over the connection and checks what arrives.
static void send_numbers(int fd) {
    unsigned number = 0;
    while (!over) {
        CHECK(send(fd, &number, sizeof(number), 0) == sizeof(number));
        ++number;
    }
    CHECK(shutdown(fd, SHUT_WR) == 0);
}

static void check_numbers(int fd) {
    unsigned number = 0, expected = 0;
    ssize_t got;
    while ((got = recv(fd, &number, sizeof(number), MSG_WAITALL)) == sizeof(number)) {
        CHECK(number == expected++);
    }
    CHECK(got == 0 && expected > 0);
}

static void fork_again_and_again(const Pair& shared) {
    for (int i = 0; i < kForks; ++i) {
        child_does([&] {
            talk(shared.client, shared.server);
            const Pair own;
            std::thread other([&] { hear(own.server, "from the child"); });
            say(own.client, "from the child");
            other.join();
        });
    }
}

int main() {
    close_inherited();
    limit_time();
    const Pair streams[kStreams];
    std::vector<std::thread> threads;
    for (const Pair& stream : streams) {
        threads.emplace_back(send_numbers, stream.client);
        threads.emplace_back(check_numbers, stream.server);
    }
    const Pair first, second;
    std::thread other([&] { fork_again_and_again(second); });
    fork_again_and_again(first);
    other.join();
    over = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
}
