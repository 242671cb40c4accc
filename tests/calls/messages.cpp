// SPDX-License-Identifier: GPL-2.0
// The message forms: sendmsg and recvmsg with vectors, sendmmsg and recvmmsg, readv and writev, peek, truncation.
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "check.h"

int main() {
    const int receiver = bound(SOCK_DGRAM);
    sockaddr_in address = name_of(receiver);
    const int sender = socket(AF_INET, SOCK_DGRAM, 0);

    char first[] = "one", second[] = "two";
    iovec vectors[2] = {{first, 3}, {second, 3}};
    mmsghdr messages[2]{};
    for (int i = 0; i < 2; ++i) {
        messages[i].msg_hdr.msg_name = &address;
        messages[i].msg_hdr.msg_namelen = sizeof(address);
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK(sendmmsg(sender, messages, 2, 0) == 2 && messages[1].msg_len == 3);

    int waiting = 0;
    CHECK(ioctl(receiver, FIONREAD, &waiting) == 0 && waiting == 3);
    char buffers[2][8];
    iovec into[2] = {{buffers[0], 8}, {buffers[1], 8}};
    mmsghdr got[2]{};
    for (int i = 0; i < 2; ++i) {
        got[i].msg_hdr.msg_iov = &into[i];
        got[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK(recvmmsg(receiver, got, 2, MSG_WAITFORONE, nullptr) == 2);
    CHECK(memcmp(buffers[0], "one", 3) == 0 && memcmp(buffers[1], "two", 3) == 0 && got[1].msg_len == 3);

    CHECK(connect(sender, generic(address), sizeof(address)) == 0);
    CHECK(writev(sender, vectors, 2) == 6);
    iovec parts[2] = {{buffers[0], 4}, {buffers[1], 1}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    CHECK(recvmsg(receiver, &message, MSG_PEEK) == 5 && (message.msg_flags & MSG_TRUNC) != 0);
    CHECK(readv(receiver, parts, 2) == 5 && memcmp(buffers[0], "onet", 4) == 0 && buffers[1][0] == 'w');
    CHECK(writev(sender, vectors, 0) == 0);
    CHECK_FAILS(recv(receiver, first, 3, MSG_DONTWAIT), EAGAIN);
    CHECK_FAILS(pread(receiver, first, 3, 0), ESPIPE);
    CHECK(write(sender, "", 0) == 0);
    CHECK(recv(receiver, first, 3, 0) == 0);  // an empty datagram
    CHECK_FAILS(send(sender, reinterpret_cast<void*>(8), 5, 0), EFAULT);
}
