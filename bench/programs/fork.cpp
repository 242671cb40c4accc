// SPDX-License-Identifier: GPL-2.0
// bench_fork ADDRESS PORT SOCKETS COUNT
//
// What a fork costs a process with so many open connections: until the child, which does nothing, has ended. Prints one
// JSON object.
#include <sys/wait.h>

#include <algorithm>
#include <vector>

#include "bench/programs/socket_tools.h"

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s ADDRESS PORT SOCKETS COUNT\n", argv[0]);
        return 2;
    }
    const auto endpoint = alp::bench::parse_endpoint("tcp", argv[1], argv[2]);
    for (unsigned long i = std::strtoul(argv[3], nullptr, 10); i > 0; --i) {
        alp::bench::connected_socket(endpoint);
    }
    std::vector<std::int64_t> took_ns(std::max(1UL, std::strtoul(argv[4], nullptr, 10)));
    for (std::int64_t& took : took_ns) {
        const std::int64_t start = alp::bench::now_ns();
        const pid_t child = ::fork();
        if (child == 0) {
            ::_exit(0);
        }
        int status = 0;
        if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) {
            alp::bench::die("fork");
        }
        took = alp::bench::now_ns() - start;
    }
    std::nth_element(took_ns.begin(), took_ns.begin() + static_cast<long>(took_ns.size() / 2), took_ns.end());
    std::printf("{\"median_us\": %.1f}\n", static_cast<double>(took_ns[took_ns.size() / 2]) / 1e3);
    return 0;
}
