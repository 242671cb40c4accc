// SPDX-License-Identifier: GPL-2.0
// A process with 1,000 sockets forks 50 children at once; each uses some, closes some and ends in its own way, most
// without having used any. All connections are whole afterwards, and end when the parent closes them.
#include <signal.h>
#include <sys/resource.h>

#include <vector>

#include "children.h"

constexpr int kPairs = 500;
constexpr int kChildren = 50;

int main() {
    close_inherited();
    limit_time();
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_NOFILE, &limit);
    std::vector<Pair> pairs;
    for (int i = 0; i < kPairs; ++i) {
        pairs.emplace_back();
    }
    const Bell go;
    std::vector<pid_t> children;
    for (int i = 0; i < kChildren; ++i) {
        children.push_back(in_child([&] {
            go.wait();
            switch (i % 5) {
                case 0:
                    talk(pairs[i].client, pairs[i].server);
                    break;
                case 1:
                    for (const Pair& pair : pairs) {
                        CHECK(close(pair.client) == 0);
                    }
                    break;
                case 2:
                    kill(getpid(), SIGKILL);
                    break;
                default:
                    break;
            }
        }));
    }
    for (int i = 0; i < kChildren; ++i) {
        go.ring();
    }
    for (int i = 0; i < kChildren; ++i) {
        if (i % 5 == 2) {
            expect_signal(children[i], SIGKILL);
        } else {
            expect_success(children[i]);
        }
    }
    for (const Pair& pair : pairs) {
        talk(pair.client, pair.server);
        CHECK(close(pair.client) == 0);
        hear_end(pair.server);
    }
}
