// SPDX-License-Identifier: GPL-2.0
// Threads that end, by return, pthread_exit or cancellation, leave their sockets to the process; thousands may come
// and go; a thread-specific destructor may still use a socket.
#include <pthread.h>

#include <thread>
#include <vector>

#include "check.h"

static void talk(const Pair& pair) {
    char byte = 0;
    CHECK(write(pair.client, "t", 1) == 1 && read(pair.server, &byte, 1) == 1 && byte == 't');
}

static void sockets_stay() {
    Pair* pair = nullptr;
    std::thread([&] { pair = new Pair; }).join();
    talk(*pair);
    pthread_t thread;
    CHECK(pthread_create(
              &thread, nullptr,
              [](void* argument) -> void* {
                  talk(*static_cast<Pair*>(argument));
                  pthread_exit(argument);
              },
              pair) == 0);
    void* result = nullptr;
    CHECK(pthread_join(thread, &result) == 0 && result == pair);
    talk(*pair);
}

static void come_and_go() {
    for (int round = 0; round < 60; ++round) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 10; ++i) {
            threads.emplace_back([] {
                const Pair pair;
                talk(pair);
                close(pair.client);
                close(pair.server);
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
}

static void detached() {
    const Pair pair;
    for (int i = 0; i < 50; ++i) {
        std::thread([&pair] { CHECK(write(pair.client, "d", 1) == 1); }).detach();
    }
    char bytes[50];
    CHECK(recv(pair.server, bytes, sizeof(bytes), MSG_WAITALL) == 50);
}

static void destructors() {
    static const Pair pair;
    static pthread_key_t key;
    CHECK(pthread_key_create(&key, [](void*) { CHECK(write(pair.client, "k", 1) == 1); }) == 0);
    std::thread([] {
        CHECK(pthread_setspecific(key, &key) == 0);
        CHECK(write(pair.client, "f", 1) == 1);
    }).join();
    char bytes[2];
    CHECK(recv(pair.server, bytes, 2, MSG_WAITALL) == 2 && bytes[0] == 'f' && bytes[1] == 'k');
}

/// The first thread ends before the others: the process goes on, and ends with the last.
static void first_thread_ends() {
    static const Pair pair;
    std::thread([] {
        char byte;
        CHECK(read(pair.server, &byte, 1) == 1);
        _exit(0);
    }).detach();
    std::thread([] {
        sleep_ms(50);
        CHECK(write(pair.client, "x", 1) == 1);
    }).detach();
    pthread_exit(nullptr);
}

int main() {
    sockets_stay();
    come_and_go();
    detached();
    destructors();
    first_thread_ends();
}
