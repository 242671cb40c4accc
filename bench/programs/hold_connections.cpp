// SPDX-License-Identifier: GPL-2.0
// bench_hold_connections ADDRESS PORT PORTS COUNT
//
// Opens COUNT TCP connections, to PORTS ports from PORT on by turns, and keeps them, idle, until it is ended by a
// signal. The first is opened at once; then it says "ready" and waits for SIGUSR1 before it opens the others. Prints
// one JSON object: how many connections a second it opened when it had kFew, and when it had nearly all.
#include <csignal>
#include <vector>

#include "bench/programs/socket_tools.h"

namespace {

using alp::bench::die;
using alp::bench::Endpoint;
using alp::bench::now_ns;

constexpr unsigned long kFew = 100;
constexpr unsigned long kWindow = 2000;

/// Reset when it is closed, and nothing of it is left: the next round uses the same ports.
void keep(int fd) {
    const linger reset{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

double per_second(std::int64_t start_ns, std::int64_t end_ns) {
    return static_cast<double>(kWindow) * 1e9 / static_cast<double>(end_ns - start_ns);
}

}  // namespace

int main(int argc, char** argv) {
    const unsigned long count = argc == 5 ? std::strtoul(argv[4], nullptr, 10) : 0;
    if (count < kFew + 2 * kWindow) {
        std::fprintf(stderr, "usage: %s ADDRESS PORT PORTS COUNT, at least %lu\n", argv[0], kFew + 2 * kWindow);
        return 2;
    }
    alp::bench::many_descriptors();
    std::vector<Endpoint> endpoints;
    for (int i = 0; i < std::atoi(argv[3]); ++i) {
        endpoints.push_back(alp::bench::parse_endpoint("tcp", argv[1], std::to_string(std::atoi(argv[2]) + i).c_str()));
    }
    sigset_t go;
    ::sigemptyset(&go);
    ::sigaddset(&go, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &go, nullptr);

    keep(alp::bench::connected_socket(endpoints.front()));
    alp::bench::say_ready();
    int number = 0;
    ::sigwait(&go, &number);

    std::vector<std::int64_t> opened_ns(count);
    for (unsigned long i = 1; i < count; ++i) {
        keep(alp::bench::connected_socket(endpoints[i % endpoints.size()]));
        opened_ns[i] = now_ns();
    }
    std::printf("{\"connections\": %lu, \"few_per_second\": %.1f, \"many_per_second\": %.1f}\n", count,
                per_second(opened_ns[kFew], opened_ns[kFew + kWindow]),
                per_second(opened_ns[count - 1 - kWindow], opened_ns[count - 1]));
    std::fflush(stdout);
    ::pause();
    return 0;
}
