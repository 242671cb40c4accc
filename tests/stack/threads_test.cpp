// SPDX-License-Identifier: GPL-2.0
// Many threads in the stack, and the library's own: the keeper.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/kcmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "stack/host/clock.h"
#include "tests/stack/loopback.h"

namespace alp::stack {
namespace {

constexpr int kFirstSocket = 200;
constexpr int kManyThreads = 400;

/// Thread id of the keeper, or 0.
int keeper() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::ifstream(task.path() / "comm") >> name;
        if (name == "alpine-keeper") {
            return std::stoi(task.path().filename());
        }
    }
    return 0;
}

TEST(Keeper, HasADescriptorTableOfItsOwn) {
    ASSERT_TRUE(start(options()).ok());
    ASSERT_NE(keeper(), 0);
    EXPECT_GT(raw_syscall(SYS_kcmp, keeper(), getpid(), KCMP_FILES, 0, 0), 0);
}

TEST(Keeper, HoldsNoDescriptorOfTheProgram) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    ASSERT_TRUE(start(options()).ok());
    close(ends[1]);
    pollfd reader = {ends[0], POLLIN, 0};
    EXPECT_EQ(poll(&reader, 1, 0), 1) << "somebody still holds the writing end";
    EXPECT_NE(reader.revents & POLLHUP, 0);
}

/// Waits for a byte on a socket of the stack and for a host descriptor (that stays silent) at once.
void read_byte_in_mixed_wait(int fd, int silent) {
    pollfd watched = {silent, POLLIN, 0};
    char byte = 0;
    bool host_ready = false;
    EXPECT_EQ(call_watching(&watched, 1, &host_ready, SYS_read, fd, arg(&byte), 1), 1);
    EXPECT_FALSE(host_ready);
}

// All of them sleep in ppoll, the leader on the stack's descriptors and the others on their own. What wakes them is a
// timer of the stack (the pace of each sender), one after the other.
TEST(Threads, MixedWaitersAreWokenOneByOne) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    const int silent = eventfd(0, EFD_CLOEXEC);
    std::atomic<int> woken{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 20; ++i) {
        make_udp_to_itself(kFirstSocket + i, static_cast<std::uint16_t>(7000 + i));
        readers.emplace_back([&woken, silent, i] {
            for (int round = 0; round < 20; ++round) {
                read_byte_in_mixed_wait(kFirstSocket + i, silent);
                ++woken;
            }
            thread_exit();
        });
    }
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 20; ++i) {
            ASSERT_EQ(call(SYS_write, kFirstSocket + i, arg("x"), 1), 1);
        }
    }
    for (std::thread& reader : readers) {
        reader.join();
    }
    EXPECT_EQ(woken, 400);
    close(silent);
}

// More descriptors than fit on a stack, the ready one last; as the leader and as one who follows it.
TEST(Threads, ManyHostDescriptorsAreAllWatched) {
    ASSERT_TRUE(start(options()).ok());
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_GE(limit.rlim_max, 4096U);
    limit.rlim_cur = 4096;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const int silent = eventfd(0, EFD_CLOEXEC);
    const int event = eventfd(0, EFD_CLOEXEC);
    const auto wait = [silent, event] {
        std::vector<pollfd> watched(3000, pollfd{silent, POLLIN, 0});
        watched.back().fd = event;
        bool host_ready = false;
        const timespec pause = {20, 0};
        const long result = call_watching(watched.data(), watched.size(), &host_ready, SYS_nanosleep, arg(&pause), 0);
        EXPECT_LT(result, 0);
        EXPECT_TRUE(host_ready);
        thread_exit();
    };
    std::thread leader(wait);
    usleep(20'000);
    std::thread follower(wait);
    usleep(20'000);
    const std::uint64_t one = 1;
    EXPECT_EQ(write(event, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
    leader.join();
    follower.join();
    close(silent);
    close(event);
}

/// CPU time in milliseconds that this thread spends waiting 200 ms in the stack.
double cpu_ms_of_a_wait() {
    const std::uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    const timespec pause = {0, 200'000'000};
    EXPECT_EQ(call(SYS_nanosleep, arg(&pause), 0), 0);
    return static_cast<double>(clock_ns(CLOCK_THREAD_CPUTIME_ID) - before) / 1e6;
}

TEST(Threads, StayAwakeForAsLongAsTheyAreToPollBusily) {
    ASSERT_TRUE(start(options()).ok());
    EXPECT_LT(cpu_ms_of_a_wait(), 10);
    set_busy_poll(200'000);
    EXPECT_GT(cpu_ms_of_a_wait(), 10);
    set_busy_poll(1000);
    EXPECT_LT(cpu_ms_of_a_wait(), 10);
}

// The leader, awake, is told of what another thread brings it.
TEST(Threads, BusyPollEndsWhenThereIsSomething) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    set_busy_poll(30'000'000);
    make_udp_to_itself(kFirstSocket, 7000);
    make_udp_to_itself(kFirstSocket + 1, 7001);
    std::thread echo([] {
        char byte = 0;
        for (int i = 0; i < 50; ++i) {
            EXPECT_EQ(call(SYS_read, kFirstSocket, arg(&byte), 1), 1);
            EXPECT_EQ(call(SYS_write, kFirstSocket + 1, arg(&byte), 1), 1);
        }
        thread_exit();
    });
    const std::uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);
    char byte = 'x';
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(call(SYS_write, kFirstSocket, arg(&byte), 1), 1);
        EXPECT_EQ(call(SYS_read, kFirstSocket + 1, arg(&byte), 1), 1);
    }
    echo.join();
    EXPECT_LT(clock_ns(CLOCK_MONOTONIC) - start_ns, 10'000'000'000U);
}

// A thread with a descriptor table of its own (the mirror) hands the CPU to one that waits in ppoll behind the leader.
TEST(Threads, MixedWaiterIsWokenByAThreadThatHasLeftTheTable) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_udp_to_itself(kFirstSocket, 7000);
    make_udp_to_itself(kFirstSocket + 1, 7001);
    const int silent = eventfd(0, EFD_CLOEXEC);
    std::atomic<int> woken{0};
    const auto read_one = [&woken, silent](int fd) {
        read_byte_in_mixed_wait(fd, silent);
        ++woken;
        thread_exit();
    };
    std::thread leader(read_one, kFirstSocket);
    usleep(20'000);
    std::thread follower(read_one, kFirstSocket + 1);
    usleep(20'000);
    std::thread([] {
        leave_descriptor_table(-1);
        EXPECT_EQ(call(SYS_write, kFirstSocket + 1, arg("x"), 1), 1);
        thread_exit();
    }).join();
    for (int ms = 0; woken == 0 && ms < 5'000; ++ms) {
        usleep(1'000);
    }
    if (woken == 0) {
        std::fprintf(stderr, "the follower was not woken\n");
        _exit(1);  // the CPU is its own for ever
    }
    EXPECT_EQ(call(SYS_write, kFirstSocket, arg("x"), 1), 1);
    leader.join();
    follower.join();
    close(silent);
}

void stay_on_first_cpu() {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    EXPECT_EQ(sched_setaffinity(0, sizeof(first), &first), 0);
}

// The keeper leads while nobody is in the stack, and is still in its wait when a thread comes that leads from then on.
// What wakes this leader wakes the keeper as well, which must not take the news away.
TEST(Threads, LeaderAfterTheKeeperIsWokenEachTime) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_udp_to_itself(kFirstSocket, 7000);
    std::atomic<bool> done{false};
    std::thread busy([&done] {
        stay_on_first_cpu();
        while (!done) {
            const std::uint64_t until_ns = monotonic_ns() + 20'000'000;
            while (monotonic_ns() < until_ns) {
            }
            usleep(5'000);
        }
    });
    std::thread reader([] {
        stay_on_first_cpu();
        const sched_param none{};
        EXPECT_EQ(sched_setscheduler(0, SCHED_IDLE, &none), 0);  // so that the keeper is awake before it
        for (int round = 0; round < 20; ++round) {
            usleep(5'000);  // the keeper leads again
            char byte = 0;
            const std::uint64_t before_ns = monotonic_ns();
            EXPECT_EQ(call(SYS_read, kFirstSocket, arg(&byte), 1), 1);
            EXPECT_LT(monotonic_ns() - before_ns, 600'000'000U) << "round " << round << ": not before the next timer";
        }
        thread_exit();
    });
    for (int round = 0; round < 20; ++round) {
        usleep(100'000);
        EXPECT_EQ(call(SYS_write, kFirstSocket, arg("x"), 1), 1);
    }
    reader.join();
    done = true;
    busy.join();
}

// The data comes by a timer of the stack while nobody but the waiters is there.
TEST(Threads, MixedWaiterIsWokenByATimerOfTheStack) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_tcp_connection(80);
    ASSERT_EQ(set_option(kClient, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    ASSERT_EQ(set_option(kClient, SOL_SOCKET, SO_MAX_PACING_RATE, 100), 0);  // bytes per second
    for (int i = 0; i < 12; ++i) {                                           // the first ten are never paced
        ASSERT_EQ(call(SYS_write, kClient, arg("0123456789"), 10), 10);
    }
    usleep(20'000);  // with nobody in the stack the keeper has the lead
    const int silent = eventfd(0, EFD_CLOEXEC);
    for (int i = 0; i < 120; ++i) {
        read_byte_in_mixed_wait(kAccepted, silent);
    }
    close(silent);
}

TEST(Threads, HundredsBlockAndEachGetsItsOwn) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    std::atomic<int> right{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < kManyThreads; ++i) {
        make_udp_to_itself(kFirstSocket + i, static_cast<std::uint16_t>(7000 + i));
        readers.emplace_back([&right, i] {
            int got = -1;
            if (call(SYS_read, kFirstSocket + i, arg(&got), sizeof(got)) == sizeof(got) && got == i) {
                ++right;
            }
            thread_exit();
        });
    }
    for (int i = kManyThreads - 1; i >= 0; --i) {
        ASSERT_EQ(call(SYS_write, kFirstSocket + i, arg(&i), sizeof(i)), static_cast<long>(sizeof(i)));
    }
    for (std::thread& reader : readers) {
        reader.join();
    }
    EXPECT_EQ(right, kManyThreads);
}

void exit_while_others_block() {
    if (!start(options()).ok()) {
        _exit(1);
    }
    bring_up_lo();
    for (int i = 0; i < 100; ++i) {
        make_udp_to_itself(kFirstSocket + i, static_cast<std::uint16_t>(7000 + i));
        std::thread([i] {
            char byte = 0;
            call(SYS_read, kFirstSocket + i, arg(&byte), 1);
        }).detach();
    }
    usleep(50'000);
    _exit(3);
}

TEST(Threads, ProcessEndsWhileTheyBlock) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(exit_while_others_block(), testing::ExitedWithCode(3), "");
}

// A stack of the smallest size has room for some sixty tasks. The first call of a thread beyond it is refused, the
// others go on, and what one of them leaves another can have.
TEST(Threads, BeyondTheStacksRoomAreRefused) {
    Options small = options();
    small.memory_bytes = kMinMemoryBytes;
    ASSERT_TRUE(start(small).ok());
    constexpr int kTooMany = 300;
    std::atomic<int> in{0};
    std::atomic<int> refused{0};
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < kTooMany; ++i) {
        threads.emplace_back([&] {
            const long pid = call(SYS_getpid);
            ++(pid > 0 ? in : refused);
            EXPECT_TRUE(pid > 0 || pid == -ENOMEM) << pid;
            while (!done) {
                usleep(1000);
            }
            EXPECT_TRUE(pid < 0 || call(SYS_getpid) == pid);
            thread_exit();
        });
    }
    while (in + refused < kTooMany) {
        usleep(1000);
    }
    EXPECT_GT(in, 10);
    EXPECT_GT(refused, 0);
    done = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    std::thread([] {
        EXPECT_GT(call(SYS_getpid), 0);
        thread_exit();
    }).join();
}

// Sockets until there is no memory for one more: that call is told so, and what is closed can be had again.
TEST(Memory, WhatFindsNoneSaysSo) {
    Options small = options();
    small.memory_bytes = kMinMemoryBytes;
    ASSERT_TRUE(start(small).ok());
    constexpr int kMostSockets = 100'000;
    int next = kFirstSocket;
    long last = 0;
    while (next < kMostSockets && (last = call(ALPINE_NR_socket_at, next, AF_INET, SOCK_STREAM, 0)) == next) {
        ++next;
    }
    EXPECT_GT(next, kFirstSocket + 100);
    EXPECT_TRUE(last == -ENOMEM || last == -ENOBUFS || last == -ENFILE) << last << " at socket " << next;
    ASSERT_EQ(call(SYS_close_range, kFirstSocket, next, 0), 0);
    EXPECT_EQ(call(ALPINE_NR_socket_at, kFirstSocket, AF_INET, SOCK_STREAM, 0), kFirstSocket);
}

TEST(Start, WithoutAddressSpaceIsAnError) {
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = 1 << 30;
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    Options big = options();
    big.memory_bytes = 8ULL << 30;
    const Result<void> done = start(big);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, ENOMEM) << done.error().message();
}

}  // namespace
}  // namespace alp::stack
