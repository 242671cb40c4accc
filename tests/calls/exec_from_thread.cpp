// SPDX-License-Identifier: GPL-2.0
// exec by a thread that is not the first, while others are blocked on sockets: the threads end, the program begins anew
// in the same process, and its sockets are where they were.
#include <string>
#include <thread>

#include "children.h"

int main(int argc, char** argv) {
    limit_time();
    if (argc > 1) {
        const int fd = atoi(argv[1]);
        say(fd, "new");
        hear(fd, "you?");
        say(fd, "same process");
        hear_end(fd);
        return 0;
    }
    close_inherited();
    const Pair pair;
    const pid_t child = in_child([&] {
        close(pair.client);
        static const int listening = listener();
        std::thread([] { accept(listening, nullptr, nullptr); }).detach();
        std::thread([&] { hear(pair.server, "never said to a thread"); }).detach();
        sleep_ms(50);
        std::thread([&] {
            const std::string number = std::to_string(pair.server);
            execl("/proc/self/exe", "self", number.c_str(), nullptr);
            _exit(1);
        }).join();
    });
    CHECK(close(pair.server) == 0);
    hear(pair.client, "new");
    say(pair.client, "you?");
    hear(pair.client, "same process");
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    hear_end(pair.client);
    expect_success(child);
}
