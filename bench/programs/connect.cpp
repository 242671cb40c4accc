// SPDX-License-Identifier: GPL-2.0
// bench_connect ADDRESS PORT COUNT
//
// How fast TCP connections can be opened and closed, one after the other. Prints one JSON object.
#include "bench/programs/socket_tools.h"

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s ADDRESS PORT COUNT\n", argv[0]);
        return 2;
    }
    const auto endpoint = alp::bench::parse_endpoint("tcp", argv[1], argv[2]);
    const unsigned long count = std::strtoul(argv[3], nullptr, 10);
    ::close(alp::bench::connected_socket(endpoint));  // start-up costs are measured elsewhere

    const std::int64_t start = alp::bench::now_ns();
    for (unsigned long i = 0; i < count; ++i) {
        ::close(alp::bench::connected_socket(endpoint));
    }
    const double seconds = static_cast<double>(alp::bench::now_ns() - start) / 1e9;
    std::printf("{\"count\": %lu, \"per_second\": %.1f}\n", count, static_cast<double>(count) / seconds);
    return 0;
}
