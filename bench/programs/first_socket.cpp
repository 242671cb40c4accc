// SPDX-License-Identifier: GPL-2.0
// bench_first_socket [--launch CMD...]
//
// The time from exec to the first successful socket(). With --launch it notes the time in the environment and
// executes CMD, which is to end in a bench_first_socket without arguments (directly, or by way of `alp run`); that
// one opens a TCP socket and prints how long it took since then, in milliseconds, as one JSON object.
#include "bench/programs/socket_tools.h"

namespace {

constexpr const char* kStartVariable = "ALPINE_BENCH_START_NS";

int launch(char** command) {
    ::setenv(kStartVariable, std::to_string(alp::bench::now_ns()).c_str(), 1);
    ::execvp(command[0], command);
    alp::bench::die(command[0]);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 2 && std::strcmp(argv[1], "--launch") == 0) {
        return launch(argv + 2);
    }
    const char* start = std::getenv(kStartVariable);
    if (argc != 1 || start == nullptr) {
        std::fprintf(stderr, "usage: %s --launch CMD...\n", argv[0]);
        return 2;
    }
    if (::socket(AF_INET, SOCK_STREAM, 0) < 0) {
        alp::bench::die("socket");
    }
    const std::int64_t took = alp::bench::now_ns() - std::strtoll(start, nullptr, 10);
    std::printf("{\"exec_to_socket_ms\": %.3f}\n", static_cast<double>(took) / 1e6);
    return 0;
}
