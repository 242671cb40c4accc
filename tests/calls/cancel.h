// SPDX-License-Identifier: GPL-2.0
// Cancelling a thread that is blocked in a call.
#pragma once

#include <pthread.h>

#include <functional>

#include "check.h"

/// A thread that makes one call; what has become of it.
struct Cancelled {
    std::function<long()> call;
    bool cleaned = false;
    bool returned = false;
    long result = 0;

    static void clean(void* self) { static_cast<Cancelled*>(self)->cleaned = true; }

    static void* run(void* argument) {
        auto* self = static_cast<Cancelled*>(argument);
        pthread_cleanup_push(clean, self);
        self->result = self->call();
        self->returned = true;
        pthread_cleanup_pop(0);
        return nullptr;
    }
};

/// The call must block; cancelling its thread ends it, with its cleanup handlers run.
inline void expect_cancelled(const char* name, std::function<long()> call, bool before_it_blocks = false) {
    Cancelled job{std::move(call)};
    pthread_t thread;
    void* result = nullptr;
    CHECK(pthread_create(&thread, nullptr, Cancelled::run, &job) == 0);
    if (!before_it_blocks) {
        sleep_ms(10);
    }
    CHECK(pthread_cancel(thread) == 0);
    timespec limit{};
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 3;
    const int joined = pthread_timedjoin_np(thread, &result, &limit);
    if (joined != 0 || result != PTHREAD_CANCELED || !job.cleaned) {
        fprintf(stderr, "%s was not cancelled: join %d, cleanup handler run %d, returned %d (%ld)\n", name, joined,
                job.cleaned, job.returned, job.result);
        _exit(1);
    }
}
