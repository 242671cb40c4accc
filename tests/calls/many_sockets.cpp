// SPDX-License-Identifier: GPL-2.0
// Three hundred sockets at once in one process, all in use.
#include <memory>
#include <vector>

#include "check.h"

int main() {
    std::vector<std::unique_ptr<Pair>> pairs;
    for (int i = 0; i < 150; ++i) {
        pairs.push_back(std::make_unique<Pair>());
    }
    for (const auto& pair : pairs) {
        CHECK(write(pair->client, "x", 1) == 1);
    }
    for (const auto& pair : pairs) {
        char byte = 0;
        CHECK(read(pair->server, &byte, 1) == 1 && byte == 'x');
    }
}
