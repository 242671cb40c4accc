// SPDX-License-Identifier: GPL-2.0
// Signals that the stack raises reach the process: SIGIO, the one chosen with F_SETSIG, SIGURG.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>
#include <string>
#include <thread>

#include "tests/stack/loopback.h"

namespace alp::stack {
namespace {

constexpr int kUdp = 110;
constexpr timespec kSoon = {20, 0};
constexpr timespec kNow = {0, 0};

/// Signals held back in this thread and those it makes, to be fetched one by one.
class Held {
public:
    Held(std::initializer_list<int> signals) {
        sigemptyset(&set_);
        for (const int number : signals) {
            sigaddset(&set_, number);
        }
        pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    }

    [[nodiscard]] int wait(siginfo_t* info, const timespec& limit = kSoon) const {
        return sigtimedwait(&set_, info, &limit);
    }

    [[nodiscard]] int wait() const {
        siginfo_t info{};
        return wait(&info);
    }

private:
    sigset_t set_{};
};

void signal_for(int fd, long owner) {
    ASSERT_EQ(call(SYS_fcntl, fd, F_SETOWN, owner), 0);
    ASSERT_EQ(call(SYS_fcntl, fd, F_SETFL, O_ASYNC | O_NONBLOCK), 0);
}

void send_byte(int fd) {
    const char byte = 'x';
    ASSERT_EQ(call(SYS_write, fd, arg(&byte), 1), 1);
}

TEST(Signals, DataRaisesSigio) {
    const Held held{SIGIO};
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_udp_to_itself(kUdp, 7000);
    signal_for(kUdp, process_id());
    for (int i = 0; i < 100; ++i) {
        send_byte(kUdp);
        ASSERT_EQ(held.wait(), SIGIO);
    }
}

TEST(Signals, ChosenOneTellsDescriptorAndEvent) {
    const int number = SIGRTMIN + 3;
    const Held held{number};
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_udp_to_itself(kUdp, 7000);
    ASSERT_EQ(call(SYS_fcntl, kUdp, F_SETSIG, number), 0);
    signal_for(kUdp, process_id());
    send_byte(kUdp);
    siginfo_t info{};
    ASSERT_EQ(held.wait(&info), number);
    EXPECT_EQ(info.si_fd, kUdp);
    EXPECT_EQ(info.si_code, POLL_IN);
    EXPECT_NE(info.si_band & POLLIN, 0);
}

TEST(Signals, RealTimeOnesAreQueued) {
    const int number = SIGRTMIN + 3;
    const Held held{number};
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_udp_to_itself(kUdp, 7000);
    ASSERT_EQ(call(SYS_fcntl, kUdp, F_SETSIG, number), 0);
    signal_for(kUdp, process_id());
    constexpr int kSent = 20;
    for (int i = 0; i < kSent; ++i) {
        send_byte(kUdp);
    }
    int came = 0;
    for (siginfo_t info{}; came < kSent && held.wait(&info) == number;) {
        came += info.si_code == POLL_IN ? 1 : 0;
    }
    EXPECT_EQ(came, kSent);
}

TEST(Signals, UrgentDataRaisesSigurg) {
    const Held held{SIGURG};
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_tcp_connection(80);
    ASSERT_EQ(call(SYS_fcntl, kAccepted, F_SETOWN, process_id()), 0);
    const char byte = '!';
    ASSERT_EQ(call(SYS_sendto, kClient, arg(&byte), 1, MSG_OOB, 0, 0), 1);
    EXPECT_EQ(held.wait(), SIGURG);
}

// Nobody is in the stack when the rest of the data comes: the keeper runs it, and the signal must come from there.
TEST(Signals, ComeWhileTheProgramIsElsewhere) {
    const Held held{SIGIO};
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_tcp_connection(80);
    ASSERT_EQ(set_option(kClient, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    ASSERT_EQ(set_option(kClient, SOL_SOCKET, SO_MAX_PACING_RATE, 2000), 0);  // bytes per second
    signal_for(kAccepted, process_id());

    const std::string piece(1000, 'x');
    constexpr int kPieces = 12;  // the first ten are never paced
    for (int i = 0; i < kPieces; ++i) {
        ASSERT_EQ(call(SYS_write, kClient, arg(piece.data()), 1000), 1000);
    }
    long received = 0;
    int signals = 0;
    while (received < kPieces * 1000L) {
        ASSERT_EQ(held.wait(), SIGIO) << "after " << received << " bytes";
        ++signals;
        char buffer[4096];
        for (long got; (got = call(SYS_read, kAccepted, arg(buffer), sizeof(buffer))) > 0;) {
            received += got;
        }
    }
    EXPECT_GE(signals, 2);
}

TEST(Signals, OfAThreadGoToThatThread) {
    const Held held{SIGIO};
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_udp_to_itself(kUdp, 7000);
    std::thread owner([&held] {
        const long self = call(ALPINE_NR_task_of_thread, gettid());
        ASSERT_GT(self, 0);
        EXPECT_EQ(call(ALPINE_NR_thread_of_task, self), gettid());
        const f_owner_ex thread = {F_OWNER_TID, static_cast<pid_t>(self)};
        ASSERT_EQ(call(SYS_fcntl, kUdp, F_SETOWN_EX, arg(&thread)), 0);
        ASSERT_EQ(call(SYS_fcntl, kUdp, F_SETFL, O_ASYNC), 0);
        std::thread sender([] {
            send_byte(kUdp);
            thread_exit();
        });
        sender.join();
        EXPECT_EQ(held.wait(), SIGIO);
        thread_exit();
    });
    owner.join();
    siginfo_t info{};
    EXPECT_EQ(held.wait(&info, kNow), -1);
    EXPECT_EQ(errno, EAGAIN);
}

TEST(Signals, NoTaskOfAThreadThatIsNotInTheStack) {
    ASSERT_TRUE(start(options()).ok());
    ASSERT_GT(process_id(), 0);
    EXPECT_EQ(call(ALPINE_NR_task_of_thread, 1), -ESRCH);
    EXPECT_EQ(call(ALPINE_NR_thread_of_task, process_id()), -ESRCH);
}

// A signal of another socket's is no reason for a blocked call to end.
TEST(Signals, DoNotDisturbABlockedCall) {
    const Held held{SIGIO};
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_udp_to_itself(kUdp, 7000);
    make_tcp_connection(80);
    signal_for(kUdp, process_id());
    std::thread reader([] {
        char byte = 0;
        EXPECT_EQ(call(SYS_read, kAccepted, arg(&byte), 1), 1);
        thread_exit();
    });
    for (int i = 0; i < 20; ++i) {
        usleep(5000);
        send_byte(kUdp);
        ASSERT_EQ(held.wait(), SIGIO);
    }
    send_byte(kClient);
    reader.join();
}

}  // namespace
}  // namespace alp::stack
