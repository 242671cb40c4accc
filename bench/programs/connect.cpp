// SPDX-License-Identifier: GPL-2.0
// bench_connect [--request] ADDRESS PORT COUNT
//
// How fast TCP connections can be opened and closed, one after the other; with --request, one byte is asked and
// answered over each. Prints one JSON object.
#include <string_view>

#include "bench/programs/cpu_time.h"
#include "bench/programs/socket_tools.h"

namespace {

using alp::bench::die;

void connect_once(const alp::bench::Endpoint& endpoint, bool request) {
    const int fd = alp::bench::connected_socket(endpoint);
    char byte = 'x';
    if (request && (::send(fd, &byte, 1, 0) != 1 || ::recv(fd, &byte, 1, 0) != 1)) {
        die("request");
    }
    ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
    const bool request = argc > 1 && std::string_view(argv[1]) == "--request";
    char** const words = argv + (request ? 2 : 1);
    if (argc != (request ? 5 : 4)) {
        std::fprintf(stderr, "usage: %s [--request] ADDRESS PORT COUNT\n", argv[0]);
        return 2;
    }
    const auto endpoint = alp::bench::parse_endpoint("tcp", words[0], words[1]);
    const unsigned long count = std::strtoul(words[2], nullptr, 10);
    connect_once(endpoint, request);  // start-up costs are measured elsewhere

    const alp::bench::CpuMeter cpu;
    const std::int64_t start = alp::bench::now_ns();
    for (unsigned long i = 0; i < count; ++i) {
        connect_once(endpoint, request);
    }
    const double seconds = static_cast<double>(alp::bench::now_ns() - start) / 1e9;
    std::printf("{\"count\": %lu, \"per_second\": %.1f, %s}\n", count, static_cast<double>(count) / seconds,
                cpu.json().c_str());
    return 0;
}
