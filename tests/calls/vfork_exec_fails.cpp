// SPDX-License-Identifier: GPL-2.0
// A vfork child changes its descriptors, and its exec fails: the parent has all it had, and what belongs to the open
// file (O_NONBLOCK, options, shutdown) is as the child has left it.
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>

#include "children.h"

extern char** environ;

static void fail_to_exec() {
    const char* words[] = {"nothing", nullptr};
    execve("/nowhere/nothing", const_cast<char* const*>(words), environ);
}

int main() {
    close_inherited();
    limit_time();
    for (int round = 0; round < 10; ++round) {
        const Pair pair, spare;
        const int held = dup(pair.server);
        const pid_t pid = vfork();
        if (pid == 0) {
            const int one = 1;
            int bad = 0;
            bad += dup2(pair.server, spare.client) == spare.client ? 0 : 1;
            bad += fcntl(pair.server, F_SETFD, FD_CLOEXEC) == 0 ? 0 : 1;
            bad += fcntl(pair.server, F_SETFL, O_NONBLOCK) == 0 ? 0 : 1;
            bad += setsockopt(pair.server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0 ? 0 : 1;
            bad += write(pair.client, "x", 1) == 1 ? 0 : 1;
            bad += close(held) == 0 ? 0 : 1;
            bad += close(spare.server) == 0 ? 0 : 1;
            bad += syscall(SYS_close_range, 100, ~0U, 0) == 0 ? 0 : 1;
            fail_to_exec();
            bad += errno == ENOENT ? 0 : 1;
            _exit(bad);
        }
        expect_success(pid);
        CHECK(fcntl(pair.server, F_GETFD) == 0);
        CHECK(fcntl(pair.server, F_GETFL) == (O_RDWR | O_NONBLOCK));
        CHECK(option_of(pair.server, IPPROTO_TCP, TCP_NODELAY) == 1);
        char byte;
        CHECK(read(held, &byte, 1) == 1);
        CHECK_FAILS(read(held, &byte, 1), EAGAIN);
        CHECK(fcntl(held, F_SETFL, 0) == 0);
        talk(held, pair.client);
        talk(spare.client, spare.server);
        // Nothing of the child's is left open: the end is seen.
        CHECK(close(held) == 0 && close(pair.server) == 0 && close(spare.client) == 0);
        hear_end(pair.client);
        hear_end(spare.server);
        CHECK(close(pair.client) == 0 && close(spare.server) == 0);
    }
}
