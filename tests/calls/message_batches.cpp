// SPDX-License-Identifier: GPL-2.0
// sendmmsg and recvmmsg: less than all of a batch, the time limit, MSG_WAITFORONE, an error after some have gone.
#include <thread>

#include "check.h"

constexpr int kMax = 8;

struct Batch {
    char bytes[kMax][16] = {};
    iovec vectors[kMax] = {};
    mmsghdr messages[kMax] = {};
    sockaddr_in names[kMax] = {};

    Batch() {
        for (int i = 0; i < kMax; ++i) {
            vectors[i] = {bytes[i], sizeof(bytes[i])};
            messages[i].msg_hdr.msg_iov = &vectors[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
    }
};

static int receiver, sender;
static sockaddr_in address;

static void partial_send() {
    static char large[70000];
    Batch batch;
    for (int i = 0; i < 4; ++i) {
        batch.vectors[i].iov_len = static_cast<size_t>(i) + 1;
        batch.messages[i].msg_hdr.msg_name = &address;
        batch.messages[i].msg_hdr.msg_namelen = sizeof(address);
    }
    batch.vectors[2] = {large, sizeof(large)};  // too long for a datagram
    CHECK(sendmmsg(sender, batch.messages, 4, 0) == 2);
    CHECK(batch.messages[0].msg_len == 1 && batch.messages[1].msg_len == 2);
    CHECK_FAILS(sendmmsg(sender, batch.messages + 2, 2, 0), EMSGSIZE);
    CHECK(sendmmsg(sender, batch.messages, 0, 0) == 0);
    CHECK_FAILS(sendmmsg(sender, reinterpret_cast<mmsghdr*>(8), 1, 0), EFAULT);

    Batch got;
    CHECK(recvmmsg(receiver, got.messages, kMax, MSG_DONTWAIT, nullptr) == 2);
    CHECK(got.messages[0].msg_len == 1 && got.messages[1].msg_len == 2);
    CHECK_FAILS(recvmmsg(receiver, got.messages, kMax, MSG_DONTWAIT, nullptr), EAGAIN);
}

static void send_text(const char* text) {
    CHECK(sendto(sender, text, strlen(text), 0, generic(address), sizeof(address)) > 0);
}

static void receive() {
    Batch got;
    for (int i = 0; i < kMax; ++i) {
        got.messages[i].msg_hdr.msg_name = &got.names[i];
        got.messages[i].msg_hdr.msg_namelen = sizeof(got.names[i]);
    }
    send_text("one");
    send_text("three");
    CHECK(recvmmsg(receiver, got.messages, kMax, MSG_WAITFORONE, nullptr) == 2);
    CHECK(got.messages[1].msg_len == 5 && memcmp(got.bytes[1], "three", 5) == 0);
    CHECK(got.names[1].sin_port == name_of(sender).sin_port && got.messages[1].msg_hdr.msg_namelen == 16);

    // The time limit is looked at after each datagram (recvmmsg(2)): with the second the time is up.
    std::thread later([] {
        sleep_ms(60);
        send_text("late");
    });
    send_text("early");
    timespec limit{0, 30'000'000};
    CHECK(recvmmsg(receiver, got.messages, kMax, 0, &limit) == 2);
    CHECK(limit.tv_sec == 0 && limit.tv_nsec == 0);
    later.join();
    limit = timespec{5, 0};
    send_text("x");
    send_text("y");
    CHECK(recvmmsg(receiver, got.messages, 2, 0, &limit) == 2);
    CHECK(limit.tv_sec == 4);
    limit = timespec{0, -1};
    CHECK_FAILS(recvmmsg(receiver, got.messages, 1, 0, &limit), EINVAL);
    set_time_limit(receiver, SO_RCVTIMEO, 20);
    CHECK_FAILS(recvmmsg(receiver, got.messages, kMax, 0, nullptr), EAGAIN);
    send_text("z");
    CHECK(recvmmsg(receiver, got.messages, kMax, 0, nullptr) == 1);
}

int main() {
    receiver = bound(SOCK_DGRAM);
    address = name_of(receiver);
    sender = bound(SOCK_DGRAM);
    partial_send();
    receive();
}
