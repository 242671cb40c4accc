// SPDX-License-Identifier: GPL-2.0
// bench_udp_send ADDRESS PORT SECONDS LEN [SEGMENT]
//
// Sends datagrams of LEN bytes as fast as send() takes them. With SEGMENT, each send() hands over LEN bytes that
// UDP_SEGMENT (udp(7)) makes datagrams of SEGMENT bytes of. Prints one JSON object: what was handed over, which says
// nothing of what arrives (bench_sink does).
#include <netinet/udp.h>

#include <vector>

#include "bench/programs/cpu_time.h"
#include "bench/programs/socket_tools.h"

namespace {

using alp::bench::die;

/// A device whose queue is full answers ENOBUFS: that datagram is lost, as one further along would be.
bool send_one(int fd, const std::vector<char>& message) {
    if (::send(fd, message.data(), message.size(), 0) == static_cast<ssize_t>(message.size())) {
        return true;
    }
    if (errno != ENOBUFS) {
        die("send");
    }
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5 && argc != 6) {
        std::fprintf(stderr, "usage: %s ADDRESS PORT SECONDS LEN [SEGMENT]\n", argv[0]);
        return 2;
    }
    const int fd = alp::bench::connected_socket(alp::bench::parse_endpoint("udp", argv[1], argv[2]));
    const int segment = argc == 6 ? std::atoi(argv[5]) : 0;
    if (segment != 0 && ::setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)) != 0) {
        die("UDP_SEGMENT");
    }
    const std::vector<char> message(std::strtoul(argv[4], nullptr, 10));
    const alp::bench::CpuMeter cpu;
    const std::int64_t start = alp::bench::now_ns();
    const std::int64_t end = start + static_cast<std::int64_t>(std::strtod(argv[3], nullptr) * 1e9);
    unsigned long messages = 0;
    std::int64_t now = start;
    for (unsigned long i = 0; now < end; ++i) {
        messages += send_one(fd, message) ? 1 : 0;
        now = i % 16 == 0 ? alp::bench::now_ns() : now;
    }
    std::printf("{\"messages\": %lu, \"seconds\": %.4f, %s}\n", messages, static_cast<double>(now - start) / 1e9,
                cpu.json().c_str());
    return 0;
}
