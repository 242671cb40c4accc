// SPDX-License-Identifier: GPL-2.0
// Many threads blocked in reads stall nobody: each gets its own byte, and one connection is used both ways at once.
#include <memory>
#include <thread>
#include <vector>

#include "check.h"

int main() {
    constexpr int kThreads = 100;
    std::vector<std::unique_ptr<Pair>> pairs;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        pairs.push_back(std::make_unique<Pair>());
        threads.emplace_back([&pair = *pairs.back(), i] {
            unsigned char byte = 0;
            CHECK(read(pair.server, &byte, 1) == 1 && byte == i);
            CHECK(write(pair.server, &byte, 1) == 1);
        });
    }
    for (int i = kThreads - 1; i >= 0; --i) {
        const auto byte = static_cast<unsigned char>(i);
        unsigned char echo = 255;
        CHECK(write(pairs[static_cast<size_t>(i)]->client, &byte, 1) == 1);
        CHECK(read(pairs[static_cast<size_t>(i)]->client, &echo, 1) == 1 && echo == byte);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}
