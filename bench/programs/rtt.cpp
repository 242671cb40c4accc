// SPDX-License-Identifier: GPL-2.0
// bench_rtt tcp|udp ADDRESS PORT COUNT
//
// The time of a one-byte question and answer over one connection. Prints one JSON object, times in microseconds.
#include <algorithm>
#include <vector>

#include "bench/programs/socket_tools.h"

namespace {

using alp::bench::die;
using alp::bench::now_ns;

constexpr std::size_t kWarmUpRounds = 100;
constexpr int kAnswerTimeout_s = 2;

double round_trip_us(int fd) {
    char byte = 'x';
    const std::int64_t start = now_ns();
    if (::send(fd, &byte, 1, 0) != 1) {
        die("send");
    }
    if (::recv(fd, &byte, 1, 0) != 1) {
        die("recv");
    }
    return static_cast<double>(now_ns() - start) / 1000.0;
}

/// The value below which `fraction` of the sorted samples lie.
double quantile(const std::vector<double>& sorted, double fraction) {
    const auto index = static_cast<std::size_t>(fraction * static_cast<double>(sorted.size()));
    return sorted[std::min(index, sorted.size() - 1)];
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s tcp|udp ADDRESS PORT COUNT\n", argv[0]);
        return 2;
    }
    const int fd = alp::bench::connected_socket(alp::bench::parse_endpoint(argv[1], argv[2], argv[3]));
    const timeval timeout{kAnswerTimeout_s, 0};  // a lost datagram is an error, not a hang
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));

    for (std::size_t i = 0; i < kWarmUpRounds; ++i) {
        round_trip_us(fd);
    }
    std::vector<double> samples(std::max(1UL, std::strtoul(argv[4], nullptr, 10)));
    std::generate(samples.begin(), samples.end(), [fd] { return round_trip_us(fd); });
    ::close(fd);

    std::sort(samples.begin(), samples.end());
    std::printf("{\"count\": %zu, \"median_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f}\n", samples.size(),
                quantile(samples, 0.5), quantile(samples, 0.99), samples.back());
    return 0;
}
