// SPDX-License-Identifier: GPL-2.0
// poll(): negative numbers, closed ones, the same one twice, nothing at all, files, too many; what it leaves alone.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include <vector>

#include "check.h"

int main() {
    const Pair pair;
    CHECK(write(pair.client, "x", 1) == 1);
    pollfd entries[4] = {{pair.server, POLLIN, 99}, {-1, POLLIN, 99}, {-pair.server, POLLIN, 99}, {900, POLLIN, 99}};
    CHECK(poll(entries, 1, -1) == 1);  // it has arrived
    CHECK(poll(entries, 4, -1) == 2);
    CHECK(entries[0].revents == POLLIN && entries[1].revents == 0 && entries[2].revents == 0);
    CHECK(entries[3].revents == POLLNVAL);
    CHECK(entries[1].fd == -1 && entries[1].events == POLLIN);
    CHECK(poll(entries + 3, 1, 0) == 1 && entries[3].revents == POLLNVAL);

    pollfd twice[3] = {{pair.server, POLLIN, 0}, {pair.server, POLLOUT, 0}, {pair.server, POLLPRI, 0}};
    CHECK(poll(twice, 3, -1) == 2);
    CHECK(twice[0].revents == POLLIN && twice[1].revents == POLLOUT && twice[2].revents == 0);
    twice[0].events = POLLRDNORM | POLLWRNORM | POLLRDBAND;
    CHECK(poll(twice, 1, -1) == 1 && twice[0].revents == (POLLRDNORM | POLLWRNORM));

    CHECK(poll(nullptr, 0, 0) == 0);
    const long start = now_ms();
    CHECK(poll(nullptr, 0, 30) == 0 && now_ms() - start >= 29);
    pollfd only_negative{-1, POLLIN, 99};
    CHECK(poll(&only_negative, 1, 10) == 0 && only_negative.revents == 0);

    const int file = open("/proc/self/status", O_RDONLY);
    pollfd with_file[2] = {{file, POLLIN | POLLOUT, 0}, {pair.client, POLLIN, 0}};
    CHECK(poll(with_file, 2, -1) == 1 && with_file[1].revents == 0 && (with_file[0].revents & POLLIN) != 0);

    // An unconnected datagram socket takes, and has nothing to give.
    pollfd datagram{socket(AF_INET, SOCK_DGRAM, 0), POLLIN | POLLOUT, 0};
    CHECK(poll(&datagram, 1, -1) == 1 && datagram.revents == POLLOUT);
    pollfd listening{listener(), POLLIN | POLLOUT, 0};
    CHECK(poll(&listening, 1, 10) == 0);

    rlimit limit{};
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 256;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    std::vector<pollfd> many(257, pollfd{-1, 0, 0});
    many[0] = pollfd{pair.server, POLLIN, 0};
    CHECK_FAILS(poll(many.data(), 257, 0), EINVAL);
    CHECK(poll(many.data(), 256, 0) == 1);
}
