// SPDX-License-Identifier: GPL-2.0
// A child uses its sockets for the first time in the moment in which its parent closes a port that both have: the port
// is the child's, and free when that has closed it.
#include <sys/mman.h>

#include <atomic>

#include "children.h"

constexpr int kRounds = 1000;

int main() {
    close_inherited();
    limit_time();
    void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    auto& now = *static_cast<std::atomic<int>*>(memory);
    const int other = bound(SOCK_DGRAM);
    for (int round = 1; round <= kRounds; ++round) {
        const int port = bound(SOCK_DGRAM);
        const sockaddr_in address = name_of(port);
        const pid_t child = in_child([&] {
            now = -round;
            while (now == -round) {
            }
            for (int delay = 0; delay < round % 100 * 2; ++delay) {
                asm volatile("pause");
            }
            CHECK(name_of(other).sin_port != 0);
            CHECK(name_of(port).sin_port == address.sin_port);
            const int rival = socket(AF_INET, SOCK_DGRAM, 0);
            CHECK_FAILS(bind(rival, generic(address), sizeof(address)), EADDRINUSE);
            CHECK(close(port) == 0);
            while (now == round) {  // its parent may not be done
            }
            CHECK(bind(rival, generic(address), sizeof(address)) == 0);
        });
        while (now != -round) {
        }
        now = round;
        CHECK(close(port) == 0);
        now = 0;
        expect_success(child);
    }
}
