// SPDX-License-Identifier: GPL-2.0
// A tool such as ss or tc looks at its own process's stack, in which nothing has happened. This library, preloaded
// behind libalpine.so, lets something happen there: before main(), while the program runs, or after main() has ended.
//
//   WITH_TRAFFIC_BEFORE="ADDRESS PORT BYTES"  opens a connection, sends so many bytes, reads them back, keeps it open
//   WITH_TRAFFIC_DURING="ADDRESS PORT"        sends a small datagram there every 20 ms, and reads what comes back
//   WITH_TRAFFIC_AFTER="ADDRESS PORT"         connects, and says on standard error how long the handshake took
//
// A failure is told on standard error and ends the program with code 99.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Target {
    sockaddr_in address{};
    size_t bytes = 0;
};

[[noreturn]] void fail(const char* what) {
    perror(what);
    _exit(99);
}

/// False when the variable is not set.
bool read_target(const char* variable, Target& target) {
    const char* text = getenv(variable);
    if (text == nullptr) {
        return false;
    }
    char address[INET_ADDRSTRLEN];
    unsigned port = 0;
    if (sscanf(text, "%15s %u %zu", address, &port, &target.bytes) < 2 ||
        inet_pton(AF_INET, address, &target.address.sin_addr) != 1) {
        fail(variable);
    }
    target.address.sin_family = AF_INET;
    target.address.sin_port = htons(static_cast<uint16_t>(port));
    return true;
}

int connect_to(const Target& target, int type) {
    const int fd = socket(AF_INET, type, 0);
    if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&target.address), sizeof(target.address)) != 0) {
        fail("connect");
    }
    return fd;
}

void send_and_read_back(const Target& target) {
    const int fd = connect_to(target, SOCK_STREAM);
    std::vector<char> buffer(target.bytes);
    if (send(fd, buffer.data(), buffer.size(), 0) != static_cast<ssize_t>(buffer.size()) ||
        recv(fd, buffer.data(), buffer.size(), MSG_WAITALL) != static_cast<ssize_t>(buffer.size())) {
        fail("echo");
    }
}

[[noreturn]] void send_datagrams(const Target& target) {
    const int fd = connect_to(target, SOCK_DGRAM);
    for (unsigned i = 0;; ++i) {
        const std::string text = "datagram " + std::to_string(i);
        send(fd, text.data(), text.size(), 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        char answer[64];
        recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
    }
}

[[gnu::constructor]] void before_main() {
    Target target;
    if (read_target("WITH_TRAFFIC_BEFORE", target)) {
        send_and_read_back(target);
    }
    if (read_target("WITH_TRAFFIC_DURING", target)) {
        std::thread(send_datagrams, target).detach();
    }
}

[[gnu::destructor]] void after_main() {
    Target target;
    if (!read_target("WITH_TRAFFIC_AFTER", target)) {
        return;
    }
    const auto start = std::chrono::steady_clock::now();
    connect_to(target, SOCK_STREAM);
    const auto took = std::chrono::steady_clock::now() - start;
    dprintf(STDERR_FILENO, "handshake took %ld us\n",
            static_cast<long>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

}  // namespace
