// SPDX-License-Identifier: GPL-2.0
// Cancellation that is pending before the call acts there, or is refused while disabled: the call then goes on to its
// result. Calls that are no cancellation points never act on it. What was done is not lost.
#include <poll.h>

#include "cancel.h"

static char byte;

/// Disabled: a blocked read survives the request and gets its byte; the request acts once enabled again.
static void disabled() {
    const Pair pair;
    Cancelled job{[&]() -> long {
        int old;
        CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0 && old == PTHREAD_CANCEL_ENABLE);
        CHECK(read(pair.server, &byte, 1) == 1 && byte == 'd');
        pollfd entry{pair.server, POLLIN, 0};
        CHECK(poll(&entry, 1, 10) == 0);
        CHECK(write(pair.server, "e", 1) == 1);
        CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr) == 0);
        pthread_testcancel();
        return 0;
    }};
    pthread_t thread;
    void* result = nullptr;
    CHECK(pthread_create(&thread, nullptr, Cancelled::run, &job) == 0);
    sleep_ms(20);
    CHECK(pthread_cancel(thread) == 0);
    sleep_ms(20);
    CHECK(write(pair.client, "d", 1) == 1);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED && job.cleaned && !job.returned);
    CHECK(read(pair.client, &byte, 1) == 1 && byte == 'e');
}

/// Pending: acts at the next cancellation point, even one that would not block, and that one then does nothing.
static void pending() {
    const Pair pair;
    CHECK(write(pair.client, "p", 1) == 1);
    expect_cancelled("read with a request pending", [&]() -> long {
        int old;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
        CHECK(pthread_cancel(pthread_self()) == 0);
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
        char other;
        return read(pair.server, &other, 1);
    });
    CHECK(read(pair.server, &byte, 1) == 1 && byte == 'p');
}

/// These are no cancellation points.
static void no_points() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    Cancelled job{[&]() -> long {
        CHECK(pthread_cancel(pthread_self()) == 0);
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(fd >= 0 && option_of(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        const sockaddr_in any = loopback();
        CHECK(bind(fd, generic(any), sizeof(any)) == 0 && listen(fd, 1) == 0 && name_of(fd).sin_port != 0);
        CHECK(shutdown(fd, SHUT_RDWR) == 0);
        const int copy = dup(fd);
        CHECK(dup2(fd, copy) == copy);
        const int second = socket(AF_INET, SOCK_STREAM, 0);
        return connect(second, generic(address), sizeof(address));  // this is one
    }};
    pthread_t thread;
    void* result = nullptr;
    CHECK(pthread_create(&thread, nullptr, Cancelled::run, &job) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED && job.cleaned && !job.returned);
}

/// Cancelled at any moment while bytes flow: every byte is with the thread or still in the socket, but for the one that
/// glibc's cancellation may take along with a read that has just returned (its bug 12683).
static void little_lost() {
    for (int round = 0; round < 30; ++round) {
        const Pair pair;
        volatile int got = 0;
        Cancelled job{[&]() -> long {
            char one;
            while (read(pair.server, &one, 1) == 1) {
                got = got + 1;
            }
            return 0;
        }};
        pthread_t thread;
        CHECK(pthread_create(&thread, nullptr, Cancelled::run, &job) == 0);
        for (int i = 0; i < 20; ++i) {
            CHECK(write(pair.client, "n", 1) == 1);
        }
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, nullptr) == 0);
        CHECK(shutdown(pair.client, SHUT_WR) == 0);
        ssize_t accounted = got;
        while (read(pair.server, &byte, 1) == 1) {
            ++accounted;
        }
        CHECK(accounted == 20 || accounted == 19);
        close(pair.client);
        close(pair.server);
    }
}

int main() {
    disabled();
    pending();
    no_points();
    little_lost();
}
