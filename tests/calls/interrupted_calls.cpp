// SPDX-License-Identifier: GPL-2.0
// The table of signal(7), one call after the other: after a handler without SA_RESTART every blocked call is EINTR;
// with it, input, output, connect and accept go on, the waits never do, nor does anything with a time limit.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>

#include "interrupt.h"

static char byte;
static iovec vector{&byte, 1};

static long receive_message(int fd) {
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    return recvmsg(fd, &message, 0);
}

static long receive_messages(int fd) {
    mmsghdr message{};
    message.msg_hdr.msg_iov = &vector;
    message.msg_hdr.msg_iovlen = 1;
    return recvmmsg(fd, &message, 1, 0, nullptr);
}

static long send_message(int fd) {
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    return sendmsg(fd, &message, 0);
}

static void inputs_end(int fd) {
    EXPECT_INTERRUPT(read(fd, &byte, 1));
    EXPECT_INTERRUPT(readv(fd, &vector, 1));
    EXPECT_INTERRUPT(recv(fd, &byte, 1, 0));
    EXPECT_INTERRUPT(recvfrom(fd, &byte, 1, MSG_PEEK, nullptr, nullptr));
    EXPECT_INTERRUPT(receive_message(fd));
    EXPECT_INTERRUPT(receive_messages(fd));
}

static void outputs_end(int fd) {
    EXPECT_INTERRUPT(write(fd, &byte, 1));
    EXPECT_INTERRUPT(writev(fd, &vector, 1));
    EXPECT_INTERRUPT(send(fd, &byte, 1, 0));
    EXPECT_INTERRUPT(send_message(fd));
}

static void waits_end(int fd) {
    pollfd entry{fd, POLLIN, 0};
    const timespec limit{20, 0};
    fd_set set;
    const auto filled = [&] {
        FD_ZERO(&set);
        FD_SET(fd, &set);
        return &set;
    };
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    EXPECT_INTERRUPT(poll(&entry, 1, -1));
    EXPECT_INTERRUPT(poll(&entry, 1, 20000));
    EXPECT_INTERRUPT(ppoll(&entry, 1, &limit, nullptr));
    EXPECT_INTERRUPT(select(fd + 1, filled(), nullptr, nullptr, nullptr));
    EXPECT_INTERRUPT(pselect(fd + 1, filled(), nullptr, nullptr, &limit, nullptr));
    EXPECT_INTERRUPT(epoll_wait(epoll, &event, 1, -1));
    EXPECT_INTERRUPT(epoll_pwait(epoll, &event, 1, 20000, nullptr));
    close(epoll);
}

static void inputs_restart(const Pair& pair) {
    const int fd = pair.server;
    const auto release = [&] { CHECK(write(pair.client, "x", 1) == 1); };
    CHECK(expect_restart([&] { return read(fd, &byte, 1); }, release) == 1);
    CHECK(expect_restart([&] { return readv(fd, &vector, 1); }, release) == 1);
    CHECK(expect_restart([&] { return recv(fd, &byte, 1, 0); }, release) == 1);
    CHECK(expect_restart([&] { return receive_message(fd); }, release) == 1);
    CHECK(expect_restart([&] { return receive_messages(fd); }, release) == 1);
}

static void outputs_restart(const Pair& full) {
    static char sink[1 << 20];
    const auto release = [&] {
        while (recv(full.server, sink, sizeof(sink), MSG_DONTWAIT) > 0) {
            sleep_ms(1);
        }
    };
    CHECK(expect_restart([&] { return write(full.client, "x", 1); }, release) == 1);
    fill(full.client);
    CHECK(expect_restart([&] { return send_message(full.client); }, release) == 1);
}

/// Part of it done when the signal comes: that part is the answer, not EINTR.
static void partly_done() {
    const Pair pair(kSmallBuffers);
    count_signals(0);
    CHECK(write(pair.client, "abc", 3) == 3);
    char buffer[8];
    const pthread_t self = pthread_self();
    std::atomic<bool> done{false};
    std::thread sender([&] {
        while (!done) {
            sleep_ms(10);
            pthread_kill(self, SIGUSR1);
        }
    });
    CHECK(recv(pair.server, buffer, sizeof(buffer), MSG_WAITALL) == 3);
    fill(pair.client);
    static char large[1 << 20];
    static char sink[1 << 16];
    CHECK(read(pair.server, sink, sizeof(sink)) > 0);  // some room, not for all of it
    const ssize_t part = send(pair.client, large, sizeof(large), 0);
    CHECK((part > 0 && part < static_cast<ssize_t>(sizeof(large))) || (part == -1 && errno == EINTR));
    done = true;
    sender.join();
}

int main() {
    const Pair pair, full(kSmallBuffers);
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    fill(full.client);

    count_signals(0);
    inputs_end(pair.server);
    outputs_end(full.client);
    waits_end(pair.server);
    EXPECT_INTERRUPT(accept(listening, nullptr, nullptr));
    EXPECT_INTERRUPT(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));

    count_signals(SA_RESTART);
    waits_end(pair.server);
    inputs_restart(pair);
    outputs_restart(full);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(expect_restart([&] { return accept(listening, nullptr, nullptr); },
                         [&] { CHECK(connect(client, generic(address), sizeof(address)) == 0); }) >= 0);

    // With SO_RCVTIMEO or SO_SNDTIMEO nothing is restarted.
    set_time_limit(pair.server, SO_RCVTIMEO, 20000);
    inputs_end(pair.server);
    set_time_limit(listening, SO_RCVTIMEO, 20000);
    EXPECT_INTERRUPT(accept(listening, nullptr, nullptr));
    fill(full.client);
    set_time_limit(full.client, SO_SNDTIMEO, 20000);
    outputs_end(full.client);
    partly_done();
}
