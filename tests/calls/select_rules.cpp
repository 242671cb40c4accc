// SPDX-License-Identifier: GPL-2.0
// select() at its edges: the last number of an fd_set, numbers beyond it, no sets, a bad count, times; and pselect().
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/select.h>

#include <vector>

#include "check.h"

static void last_number(const Pair& pair) {
    const int last = FD_SETSIZE - 1;
    CHECK(dup2(pair.server, last) == last);
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(last, &readable);
    FD_SET(last, &writable);
    CHECK(select(FD_SETSIZE, &readable, &writable, nullptr, nullptr) == 1);
    CHECK(!FD_ISSET(last, &readable) && FD_ISSET(last, &writable));
    // Only numbers below the count are looked at, and no others are touched.
    FD_ZERO(&readable);
    FD_SET(last, &readable);
    timeval none{0, 0};
    CHECK(select(last, &readable, nullptr, nullptr, &none) == 0);
    CHECK(close(last) == 0);
}

/// Programs with more descriptors allocate longer sets than libc's (glibc's manual: it works).
static void beyond_fd_set(const Pair& pair) {
    rlimit limit{};
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < 3000) {
        limit.rlim_cur = 3000 < limit.rlim_max ? 3000 : limit.rlim_max;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    const int high = 2500;
    CHECK(dup2(pair.server, high) == high);
    std::vector<unsigned long> bits(64, 0);
    const auto word = [&]() -> unsigned long& { return bits[high / 64]; };
    word() |= 1UL << high % 64;
    CHECK(select(high + 1, nullptr, reinterpret_cast<fd_set*>(bits.data()), nullptr, nullptr) == 1);
    CHECK(word() == 1UL << high % 64);
    timeval soon{0, 10000};
    CHECK(select(high + 1, reinterpret_cast<fd_set*>(bits.data()), nullptr, nullptr, &soon) == 0);
    CHECK(word() == 0);
    CHECK(close(high) == 0);
}

static void counts_and_times(const Pair& pair) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pair.server, &set);
    timeval limit{0, 10000};
    CHECK_FAILS(select(-1, &set, nullptr, nullptr, &limit), EINVAL);
    limit = timeval{-1, 0};
    CHECK_FAILS(select(pair.server + 1, &set, nullptr, nullptr, &limit), EINVAL);
    CHECK(FD_ISSET(pair.server, &set));  // sets are left alone by a failure
    limit = timeval{0, 20000};
    long start = now_ms();
    CHECK(select(0, nullptr, nullptr, nullptr, &limit) == 0 && now_ms() - start >= 19);

    const timespec wrong{0, 1'000'000'000};
    CHECK_FAILS(pselect(pair.server + 1, &set, nullptr, nullptr, &wrong, nullptr), EINVAL);
    const timespec right{0, 20'000'000};
    start = now_ms();
    CHECK(pselect(pair.server + 1, &set, nullptr, nullptr, &right, nullptr) == 0 && now_ms() - start >= 19);
    CHECK(right.tv_nsec == 20'000'000);
    FD_SET(pair.server, &set);
    FD_SET(900, &set);
    CHECK_FAILS(select(901, &set, nullptr, nullptr, nullptr), EBADF);
}

/// One descriptor in all three sets counts once for each it is found in.
static void three_sets(const Pair& pair) {
    fd_set readable, writable, except;
    FD_ZERO(&readable);
    FD_SET(pair.server, &readable);
    writable = readable;
    except = readable;
    CHECK(write(pair.client, "a", 1) == 1);
    CHECK(send(pair.client, "!", 1, MSG_OOB) == 1);
    fd_set only_except = except;
    CHECK(select(pair.server + 1, nullptr, nullptr, &only_except, nullptr) == 1);
    CHECK(select(pair.server + 1, &readable, &writable, &except, nullptr) == 3);
    CHECK(FD_ISSET(pair.server, &readable) && FD_ISSET(pair.server, &writable) && FD_ISSET(pair.server, &except));
}

int main() {
    const Pair pair;
    last_number(pair);
    beyond_fd_set(pair);
    counts_and_times(pair);
    three_sets(pair);
}
