// SPDX-License-Identifier: GPL-2.0
// bench_sink tcp|udp ADDRESS PORT
//
// Takes what comes from one sender and counts it. Says "ready" on standard output once it can be reached. Over TCP it
// ends with the connection; over UDP when nothing has come for half a second after the first datagram. Prints one JSON
// object: bytes, datagrams, and the seconds from the first arrival to the last.
#include <netinet/udp.h>

#include <algorithm>
#include <vector>

#include "bench/programs/socket_tools.h"

namespace {

using alp::bench::die;
using alp::bench::now_ns;

constexpr int kBatch = 64;
constexpr std::size_t kMessageMax = 1 << 16;
constexpr int kReceiveBuffer_bytes = 4 << 20;  // what the system allows of it
constexpr timeval kSilence{0, 500'000};

struct Arrived {
    std::uint64_t bytes = 0;
    std::uint64_t datagrams = 0;
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
};

Arrived take_connection(int listener) {
    const int fd = ::accept(listener, nullptr, nullptr);
    if (fd < 0) {
        die("accept");
    }
    std::vector<char> buffer(1 << 18);
    Arrived arrived;
    arrived.first_ns = now_ns();
    for (ssize_t got = 1; got > 0;) {
        got = ::recv(fd, buffer.data(), buffer.size(), 0);
        arrived.bytes += got > 0 ? static_cast<std::uint64_t>(got) : 0;
    }
    arrived.last_ns = now_ns();
    return arrived;
}

/// A batch of buffers for recvmmsg(), with room for UDP_GRO's word on how long the datagrams of each were.
class Batch {
public:
    Batch() : buffers_(kBatch * kMessageMax), control_(kBatch * kControlLen), vectors_(kBatch), messages_(kBatch) {
        for (int i = 0; i < kBatch; ++i) {
            vectors_[i] = {buffers_.data() + i * kMessageMax, kMessageMax};
        }
    }

    /// Waits for the first and takes what is there. 0 after a silence.
    int receive(int fd) {
        for (int i = 0; i < kBatch; ++i) {
            messages_[i] = {};
            messages_[i].msg_hdr.msg_iov = &vectors_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
            messages_[i].msg_hdr.msg_control = control_.data() + i * kControlLen;
            messages_[i].msg_hdr.msg_controllen = kControlLen;
        }
        const int got = ::recvmmsg(fd, messages_.data(), kBatch, MSG_WAITFORONE, nullptr);
        if (got < 0 && errno != EAGAIN) {
            die("recvmmsg");
        }
        return std::max(got, 0);
    }

    void count(int received, Arrived& arrived) {
        for (int i = 0; i < received; ++i) {
            const std::size_t len = messages_[i].msg_len;
            const std::size_t segment = segment_len(messages_[i].msg_hdr);
            arrived.bytes += len;
            arrived.datagrams += segment == 0 ? 1 : (len + segment - 1) / segment;
        }
    }

private:
    static std::size_t segment_len(msghdr& header) {
        for (cmsghdr* word = CMSG_FIRSTHDR(&header); word != nullptr; word = CMSG_NXTHDR(&header, word)) {
            if (word->cmsg_level == SOL_UDP && word->cmsg_type == UDP_GRO) {
                int len = 0;
                std::memcpy(&len, CMSG_DATA(word), sizeof(len));
                return static_cast<std::size_t>(len);
            }
        }
        return 0;
    }

    static constexpr std::size_t kControlLen = 64;
    std::vector<char> buffers_;
    std::vector<char> control_;
    std::vector<iovec> vectors_;
    std::vector<mmsghdr> messages_;
};

Arrived take_datagrams(int fd) {
    Batch batch;
    Arrived arrived;
    for (int got = batch.receive(fd); got > 0; got = batch.receive(fd)) {
        if (arrived.datagrams == 0) {
            arrived.first_ns = now_ns();
            ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kSilence, sizeof(kSilence));
        }
        arrived.last_ns = now_ns();
        batch.count(got, arrived);
    }
    return arrived;
}

void prepare(int fd, bool stream) {
    if (stream) {
        if (::listen(fd, 1) != 0) {
            die("listen");
        }
        return;
    }
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer_bytes, sizeof(kReceiveBuffer_bytes));
    if (::setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof(one)) != 0) {
        die("UDP_GRO");
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s tcp|udp ADDRESS PORT\n", argv[0]);
        return 2;
    }
    const auto endpoint = alp::bench::parse_endpoint(argv[1], argv[2], argv[3]);
    const bool stream = endpoint.type == SOCK_STREAM;
    const int fd = alp::bench::bound_socket(endpoint);
    prepare(fd, stream);
    alp::bench::say_ready();
    const Arrived arrived = stream ? take_connection(fd) : take_datagrams(fd);
    std::printf("{\"bytes\": %lu, \"datagrams\": %lu, \"seconds\": %.6f}\n", arrived.bytes, arrived.datagrams,
                static_cast<double>(arrived.last_ns - arrived.first_ns) / 1e9);
    return 0;
}
