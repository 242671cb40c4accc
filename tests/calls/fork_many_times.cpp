// SPDX-License-Identifier: GPL-2.0
// Two hundred children one after the other, with twenty open connections: each child talks on every one of them, in its
// turn with its parent, and opens one of its own.
#include <vector>

#include "children.h"

constexpr int kForks = 200;
constexpr int kConnections = 20;

int main() {
    close_inherited();
    limit_time();
    const Pair pairs[kConnections];
    const int next = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(close(next) == 0);
    for (int i = 0; i < kForks; ++i) {
        const pid_t child = in_child([&] {
            for (int connection = 0; connection < kConnections; ++connection) {
                char text[64];
                snprintf(text, sizeof(text), "child %d on %d;", i, connection);
                hear(pairs[connection].server, text);
                say(pairs[connection].server, text);
            }
            const Pair own;
            CHECK(own.client > next);
            talk(own.client, own.server);
        });
        for (int connection = 0; connection < kConnections; ++connection) {
            char text[64];
            snprintf(text, sizeof(text), "child %d on %d;", i, connection);
            say(pairs[connection].client, text);
            hear(pairs[connection].client, text);
        }
        expect_success(child);
    }
    CHECK(socket(AF_INET, SOCK_STREAM, 0) == next);
}
