// SPDX-License-Identifier: GPL-2.0
// poll() over a pipe and a socket at once: each wakes it, both are reported, closed ones are POLLNVAL, time passes.
#include <poll.h>

#include <thread>

#include "check.h"

int main() {
    const Pair pair;
    int ends[2];
    CHECK(pipe(ends) == 0);
    pollfd entries[4] = {{ends[0], POLLIN, 0}, {-1, POLLIN, 9}, {pair.server, POLLIN, 0}, {pair.client, POLLOUT, 0}};

    CHECK(poll(entries, 3, 0) == 0);
    CHECK(entries[1].revents == 0);
    long start = now_ms();
    CHECK(poll(entries, 3, 50) == 0);
    CHECK(now_ms() - start >= 49 && now_ms() - start < 1000);

    std::thread by_pipe([&] {
        sleep_ms(30);
        CHECK(write(ends[1], "x", 1) == 1);
    });
    CHECK(poll(entries, 3, 5000) == 1 && entries[0].revents == POLLIN && entries[2].revents == 0);
    by_pipe.join();
    char byte;
    CHECK(read(ends[0], &byte, 1) == 1);

    std::thread by_socket([&] {
        sleep_ms(30);
        CHECK(write(pair.client, "y", 1) == 1);
    });
    CHECK(poll(entries, 3, -1) == 1 && entries[2].revents == POLLIN && entries[0].revents == 0);
    by_socket.join();

    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(poll(entries, 4, -1) == 3);
    CHECK(entries[0].revents == POLLIN && entries[2].revents == POLLIN && entries[3].revents == POLLOUT);

    close(pair.server);
    CHECK(poll(entries, 3, 1000) == 2 && entries[2].revents == POLLNVAL);

    const timespec wrong{0, 2000000000};
    CHECK_FAILS(ppoll(entries, 4, &wrong, nullptr), EINVAL);
}
