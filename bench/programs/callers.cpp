// SPDX-License-Identifier: GPL-2.0
// bench_callers threads|processes COUNT MILLISECONDS
//
// How many calls COUNT callers make at once, all of them the threads of one process or each a process: getsockopt on a
// socket of the caller's own, which waits for nothing. Prints one JSON object.
#include <sys/mman.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>
#include <vector>

#include "bench/programs/socket_tools.h"

namespace {

struct Shared {
    std::atomic<unsigned> ready{0};
    std::atomic<bool> go{false};
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> calls{0};
};

void make_calls(Shared& shared) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) {
        alp::bench::die("socket");
    }
    ++shared.ready;
    while (!shared.go) {
        std::this_thread::yield();
    }
    std::uint64_t calls = 0;
    for (; !shared.stop; ++calls) {
        int type = 0;
        socklen_t len = sizeof(type);
        if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0) {
            alp::bench::die("getsockopt");
        }
    }
    shared.calls += calls;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string kind = argc == 4 ? argv[1] : "";
    if (kind != "threads" && kind != "processes") {
        std::fprintf(stderr, "usage: %s threads|processes COUNT MILLISECONDS\n", argv[0]);
        return 2;
    }
    const unsigned count = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
    const auto limit = std::chrono::milliseconds(std::strtoul(argv[3], nullptr, 10));
    void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        alp::bench::die("mmap");
    }
    auto& shared = *new (memory) Shared;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) {
        if (kind == "threads") {
            threads.emplace_back(make_calls, std::ref(shared));
        } else if (const pid_t child = ::fork(); child == 0) {
            make_calls(shared);
            ::_exit(0);
        } else if (child < 0) {
            alp::bench::die("fork");
        }
    }
    while (shared.ready < count) {
        std::this_thread::yield();
    }
    const std::int64_t start = alp::bench::now_ns();
    shared.go = true;
    std::this_thread::sleep_for(limit);
    shared.stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (int status = 0; ::wait(&status) > 0;) {
        if (status != 0) {
            std::fprintf(stderr, "%s: a caller ended with status %d\n", argv[0], status);
            return 1;
        }
    }
    const double us = static_cast<double>(alp::bench::now_ns() - start) / 1e3;
    std::printf("{\"calls\": %lu, \"per_us\": %.4f}\n", shared.calls.load(), static_cast<double>(shared.calls) / us);
    return 0;
}
