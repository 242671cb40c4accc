// SPDX-License-Identifier: GPL-2.0
// Sockets one after the other, each for one question, as a resolver has them: their ports are many, and not in a row.
#include <set>
#include <vector>

#include "check.h"

int main() {
    close_inherited();
    constexpr int count = 200;
    sockaddr_in to = loopback(9);
    std::vector<int> ports;
    for (int i = 0; i < count; ++i) {
        const int asking = socket(AF_INET, SOCK_DGRAM, 0);
        CHECK(connect(asking, generic(to), sizeof(to)) == 0);
        ports.push_back(ntohs(name_of(asking).sin_port));
        CHECK(close(asking) == 0);
    }
    CHECK(std::set<int>(ports.begin(), ports.end()).size() > count * 9 / 10);
    int neighbours = 0;
    for (int i = 1; i < count; ++i) {
        neighbours += std::abs(ports[i] - ports[i - 1]) <= 2 ? 1 : 0;
    }
    CHECK(neighbours < count / 4);
}
