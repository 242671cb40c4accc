// SPDX-License-Identifier: GPL-2.0
// Signals for a thread that is blocked in a call. They come again and again until the test has what it wants, so
// that it does not matter whether the first of them comes before the call has blocked.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "check.h"

inline std::atomic<int> handled{0};

/// Counts SIGUSR1.
inline void count_signals(int flags) {
    struct sigaction action {};
    action.sa_handler = [](int) { handled.fetch_add(1); };
    action.sa_flags = flags;
    CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
}

/// `call` must end by EINTR, and not before a handler has run.
template <typename Call>
void expect_interrupt_of(const char* name, Call call) {
    const pthread_t self = pthread_self();
    std::atomic<bool> done{false};
    handled = 0;
    std::thread sender([&] {
        while (!done) {
            sleep_ms(10);
            pthread_kill(self, SIGUSR1);
        }
    });
    errno = 0;
    const long result = call();
    const int error = errno;
    done = true;
    sender.join();
    if (result != -1 || error != EINTR || handled == 0) {
        fprintf(stderr, "%s: not EINTR but %ld, errno %s, after %d handlers\n", name, result, strerror(error),
                handled.load());
        _exit(1);
    }
}

/// `call` must go on after several handlers, and come to its end once `release` has been called.
template <typename Call, typename Release>
long expect_restart(Call call, Release release) {
    const pthread_t self = pthread_self();
    std::atomic<bool> done{false};
    handled = 0;
    std::thread sender([&] {
        while (handled < 3 && !done) {
            sleep_ms(10);
            pthread_kill(self, SIGUSR1);
        }
        if (!done) {
            release();
        }
    });
    const long result = call();
    const int error = errno;
    done = true;
    sender.join();
    CHECK(handled >= 3);
    errno = error;
    return result;
}

#define EXPECT_INTERRUPT(...) expect_interrupt_of(#__VA_ARGS__, [&] { return __VA_ARGS__; })
