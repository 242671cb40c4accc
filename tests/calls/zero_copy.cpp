// SPDX-License-Identifier: GPL-2.0
// MSG_ZEROCOPY and TCP_ZEROCOPY_RECEIVE are either carried out in full or refused: what is sent arrives, unchanged;
// a socket that accepts SO_ZEROCOPY completes every send by its error queue; what is refused is left as it was.
// errqueue.h needs time.h and does not say so.
// clang-format off
#include <time.h>
#include <linux/errqueue.h>
// clang-format on
#include <linux/tcp.h>
#include <poll.h>
#include <sys/mman.h>

#include <cstdint>
#include <string>
#include <thread>

#include "check.h"

constexpr size_t kSize = 500'000;

static std::string receive(int fd, size_t len) {
    std::string data(len, '\0');
    CHECK(recv(fd, data.data(), len, MSG_WAITALL) == static_cast<ssize_t>(len));
    return data;
}

/// Reads the error queue until `count` sends have been completed.
static void await_completions(int fd, unsigned count) {
    unsigned next = 0;
    while (next < count) {
        pollfd entry{fd, 0, 0};
        CHECK(poll(&entry, 1, 5000) == 1 && (entry.revents & POLLERR) != 0);
        char control[256];
        msghdr message{};
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        CHECK(recvmsg(fd, &message, MSG_ERRQUEUE) == 0);
        const cmsghdr* header = CMSG_FIRSTHDR(&message);
        CHECK(header != nullptr && header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR);
        sock_extended_err error;
        memcpy(&error, CMSG_DATA(header), sizeof(error));
        CHECK(error.ee_errno == 0 && error.ee_origin == SO_EE_ORIGIN_ZEROCOPY);
        CHECK(error.ee_info == next && error.ee_data >= error.ee_info);
        next = error.ee_data + 1;
    }
}

static void send_without_copying() {
    const Pair pair;
    std::string data(kSize, '\0');
    for (size_t i = 0; i < kSize; ++i) {
        data[i] = static_cast<char>(i * 7 + i / 509);
    }
    // Without the socket option the flag means nothing (Documentation/networking/msg_zerocopy.rst).
    CHECK(send(pair.client, data.data(), 100, MSG_ZEROCOPY) == 100);
    CHECK(receive(pair.server, 100) == data.substr(0, 100));

    const int one = 1;
    const bool accepted = setsockopt(pair.client, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) == 0;
    CHECK(accepted || errno == ENOPROTOOPT || errno == EOPNOTSUPP);
    std::string received;
    std::thread reader([&] { received = receive(pair.server, kSize); });
    unsigned sends = 0;
    for (size_t sent = 0; sent < kSize;) {
        const size_t piece = kSize - sent < 200'000 ? kSize - sent : 200'000;
        const ssize_t done = send(pair.client, data.data() + sent, piece, MSG_ZEROCOPY);
        if (done < 0 && errno == ENOBUFS) {  // the limit of memory that may be pinned: wait for some to come free
            sleep_ms(5);
            continue;
        }
        CHECK(done > 0);
        sent += static_cast<size_t>(done);
        ++sends;
    }
    reader.join();
    CHECK(received == data);
    if (accepted) {
        await_completions(pair.client, sends);
    }
}

static void receive_without_copying() {
    const Pair pair;
    constexpr size_t kRoom = 16 * 4096;
    const std::string data(kRoom, 'z');
    CHECK(write(pair.client, data.data(), data.size()) == static_cast<ssize_t>(data.size()));
    pollfd entry{pair.server, POLLIN, 0};
    CHECK(poll(&entry, 1, 2000) == 1);
    void* const place = mmap(nullptr, kRoom, PROT_READ, MAP_SHARED, pair.server, 0);
    tcp_zerocopy_receive request{};
    request.address = reinterpret_cast<std::uint64_t>(place);
    request.length = kRoom;
    socklen_t len = sizeof(request);
    size_t mapped = 0;
    if (place != MAP_FAILED && getsockopt(pair.server, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &request, &len) == 0) {
        mapped = request.length;
        CHECK(mapped <= kRoom && memcmp(place, data.data(), mapped) == 0);
    }
    // Whatever did not come by the mapping comes by recv().
    CHECK(receive(pair.server, kRoom - mapped) == data.substr(mapped));
    char byte;
    CHECK_FAILS(recv(pair.server, &byte, 1, MSG_DONTWAIT), EAGAIN);
}

int main() {
    send_without_copying();
    receive_without_copying();
}
