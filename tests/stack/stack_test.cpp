// SPDX-License-Identifier: GPL-2.0
// The stack as a library, without a wire: each test is a process of its own and boots one.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/stack/arena_scan.h"
#include "tests/stack/loopback.h"

namespace alp::stack {
namespace {

constexpr long kBadPointer = 0x10;

/// One connection over the stack's own loopback; the far end, on a thread of its own, sends everything back.
class Echo {
public:
    Echo() {
        bring_up_lo();
        const sockaddr_in address = loopback(80);
        EXPECT_EQ(call(ALPINE_NR_socket_at, kListener, AF_INET, SOCK_STREAM, 0), kListener);
        EXPECT_EQ(call(SYS_bind, kListener, arg(&address), sizeof(address)), 0);
        EXPECT_EQ(call(SYS_listen, kListener, 16), 0);
        server_ = std::thread([] { serve(); });
        EXPECT_EQ(call(ALPINE_NR_socket_at, kClient, AF_INET, SOCK_STREAM, 0), kClient);
        EXPECT_EQ(call(SYS_connect, kClient, arg(&address), sizeof(address)), 0);
    }
    ~Echo() {
        EXPECT_EQ(call(SYS_close, kClient), 0);
        server_.join();
        EXPECT_EQ(call(SYS_close, kListener), 0);
    }
    Echo(const Echo&) = delete;
    Echo& operator=(const Echo&) = delete;

    void round_trip(char byte) const {
        char back = 0;
        ASSERT_EQ(call(SYS_write, kClient, arg(&byte), 1), 1);
        ASSERT_EQ(call(SYS_read, kClient, arg(&back), 1), 1);
        ASSERT_EQ(back, byte);
    }

private:
    static void serve() {
        ASSERT_EQ(call(ALPINE_NR_accept_at, kListener, kAccepted, 0, 0, 0), kAccepted);
        char buffer[4096];
        for (long got; (got = call(SYS_read, kAccepted, arg(buffer), sizeof(buffer))) > 0;) {
            ASSERT_EQ(call(SYS_write, kAccepted, arg(buffer), got), got);
        }
        ASSERT_EQ(call(SYS_close, kAccepted), 0);
        thread_exit();
    }

    std::thread server_;
};

TEST(Image, MissingIsNamed) {
    Options wrong = options();
    wrong.image_path = "/nonexistent/stack.so";
    const Result<void> done = start(wrong);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, ENOENT);
    EXPECT_NE(done.error().context.find("/nonexistent/stack.so"), std::string::npos);
}

TEST(Image, NotAnImageIsRefused) {
    Options wrong = options();
    wrong.image_path = ALPINE_TEST_NOT_AN_IMAGE;
    const Result<void> done = start(wrong);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, ENOEXEC);
}

TEST(Image, OtherAbiVersionIsRefused) {
    Options wrong = options();
    wrong.image_path = ALPINE_TEST_OTHER_ABI;
    const Result<void> done = start(wrong);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, EPROTO);
}

TEST(Stack, IsTheLinuxOfItsPackage) {
    ASSERT_TRUE(start(options()).ok());
    utsname name{};
    ASSERT_EQ(call(SYS_uname, arg(&name)), 0);
    EXPECT_STREQ(name.sysname, "Linux");
    EXPECT_EQ(std::string(name.release).rfind("6.", 0), 0U);
}

TEST(Stack, StartsOnce) {
    ASSERT_TRUE(start(options()).ok());
    EXPECT_EQ(start(options()).error().code, EALREADY);
}

TEST(Stack, BadPointerIsFault) {
    ASSERT_TRUE(start(options()).ok());
    ASSERT_EQ(call(ALPINE_NR_socket_at, kClient, AF_INET, SOCK_STREAM, 0), kClient);
    EXPECT_EQ(call(SYS_bind, kClient, kBadPointer, sizeof(sockaddr_in)), -EFAULT);
    EXPECT_EQ(call(SYS_getsockopt, kClient, SOL_SOCKET, SO_TYPE, kBadPointer, kBadPointer), -EFAULT);
}

TEST(Stack, CallsItDoesNotHaveAreEnosys) {
    ASSERT_TRUE(start(options()).ok());
    EXPECT_EQ(call(100000), -ENOSYS);
    EXPECT_EQ(call(-1), -ENOSYS);
    EXPECT_EQ(call(SYS_ioperm, 0, 0, 0), -ENOSYS);
}

TEST(Stack, DescriptorIsWhereItIsAskedFor) {
    ASSERT_TRUE(start(options()).ok());
    EXPECT_EQ(call(ALPINE_NR_socket_at, 5000, AF_INET6, SOCK_DGRAM, 0), 5000);
    int type = 0;
    socklen_t len = sizeof(type);
    EXPECT_EQ(call(SYS_getsockopt, 5000, SOL_SOCKET, SO_TYPE, arg(&type), arg(&len)), 0);
    EXPECT_EQ(type, SOCK_DGRAM);
    EXPECT_EQ(call(ALPINE_NR_epoll_at, 7000, 0), 7000);
}

TEST(Stack, ThreadsTalkOverItsLoopback) {
    ASSERT_TRUE(start(options()).ok());
    const Echo echo;
    for (int i = 0; i < 2000; ++i) {
        echo.round_trip(static_cast<char>(i));
    }
}

TEST(Stack, SleepersWakeAtTheirTime) {
    ASSERT_TRUE(start(options()).ok());
    std::vector<std::thread> threads;
    std::atomic<int> woken{0};
    for (int i = 0; i < 50; ++i) {
        threads.emplace_back([&woken, i] {
            const timespec pause = {0, (10 + i) * 1'000'000};
            EXPECT_EQ(call(SYS_nanosleep, arg(&pause), 0), 0);
            ++woken;
            thread_exit();
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(woken, 50);
}

TEST(Stack, HostDescriptorEndsAWait) {
    ASSERT_TRUE(start(options()).ok());
    const int event = static_cast<int>(raw_syscall(SYS_eventfd2, 0, EFD_CLOEXEC));
    std::thread writer([event] {
        usleep(50'000);
        const std::uint64_t one = 1;
        EXPECT_EQ(raw_syscall(SYS_write, event, arg(&one), sizeof(one)), 8);
    });
    pollfd watched = {event, POLLIN, 0};
    bool host_ready = false;
    const timespec pause = {10, 0};
    const long result = call_watching(&watched, 1, &host_ready, SYS_nanosleep, arg(&pause), 0);
    writer.join();
    EXPECT_TRUE(host_ready);
    EXPECT_LT(result, 0);
}

// The invariant that lets processes share a stack: everything it owns is in the arena, and nothing there points out.
TEST(Arena, HoldsNoPointerIntoPrivateMemory) {
    Options wiped = options();
    wiped.kernel_arguments = "init_on_free=1";  // or freed memory would show what once was there
    ASSERT_TRUE(start(wiped).ok());
    {
        const Echo echo;
        for (int i = 0; i < 100; ++i) {
            echo.round_trip('x');
        }
    }
    const std::vector<ArenaPointer> found = find_private_pointers();
    for (const ArenaPointer& pointer : found) {
        ADD_FAILURE() << std::hex << "0x" << pointer.at << " holds 0x" << pointer.value << ", in " << pointer.mapping;
    }
}

// The scan must be able to fail: a pointer planted in the stack's memory is found.
TEST(Arena, ScanFindsAPlantedPointer) {
    ASSERT_TRUE(start(options()).ok());
    ASSERT_EQ(call(ALPINE_NR_socket_at, kClient, AF_INET, SOCK_DGRAM, 0), kClient);
    static const char secret[8] = "planted";
    bring_up_lo();
    ASSERT_EQ(call(ALPINE_NR_socket_at, kListener, AF_UNIX, SOCK_DGRAM, 0), kListener);
    int pair[2] = {kListener, kAccepted};
    ASSERT_EQ(call(ALPINE_NR_socketpair_at, pair[0], pair[1], AF_UNIX, SOCK_DGRAM, 0), 0);
    const char* pointer = secret;
    ASSERT_EQ(call(SYS_write, pair[0], arg(&pointer), sizeof(pointer)), static_cast<long>(sizeof(pointer)));
    EXPECT_FALSE(find_private_pointers().empty());
}

}  // namespace
}  // namespace alp::stack
