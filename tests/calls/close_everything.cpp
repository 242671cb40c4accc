// SPDX-License-Identifier: GPL-2.0
// Daemons close every descriptor they know nothing of. Sockets opened afterwards must work all the same.
#include <sys/resource.h>

#include "check.h"

static void use_sockets() {
    const Pair pair;
    char byte;
    CHECK(write(pair.client, "x", 1) == 1 && read(pair.server, &byte, 1) == 1);
    CHECK(pair.client == 4);  // 3 was the listener
    close(pair.client);
    close(pair.server);
}

int main() {
    close_inherited();
    use_sockets();
    const Pair open_meanwhile;
    CHECK(close_range(3, ~0U, 0) == 0);
    CHECK_FAILS(write(open_meanwhile.client, "x", 1), EBADF);
    use_sockets();

    rlimit limit{};
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const int end = limit.rlim_cur < 65536 ? static_cast<int>(limit.rlim_cur) : 65536;
    for (int fd = 3; fd < end; ++fd) {
        close(fd);
    }
    use_sockets();
    closefrom(3);
    use_sockets();
}
