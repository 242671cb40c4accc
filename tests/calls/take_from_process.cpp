// SPDX-License-Identifier: GPL-2.0
// pidfd_getfd(2): a parent takes sockets and other files out of its child, under numbers of its own; they are the same
// open files, also when the child has closed them or ended. What the child does not have cannot be taken.
#include <fcntl.h>
#include <sys/syscall.h>

#include "children.h"

static int take(int pidfd, int fd) { return static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, fd, 0)); }

int main() {
    close_inherited();
    limit_time();
    const Bell made, taken, closed, go;
    int numbers[2];
    CHECK(pipe(numbers) == 0);
    const pid_t child = in_child([&] {
        const Pair pair;
        const int listening = listener();
        const int datagrams = bound(SOCK_DGRAM);
        const int null = open("/dev/null", O_RDWR);
        const int told[] = {pair.client, pair.server, listening, datagrams, null};
        CHECK(write(numbers[1], told, sizeof(told)) == sizeof(told));
        say(pair.client, "said before");
        taken.wait();
        CHECK((fcntl(pair.server, F_GETFL) & O_NONBLOCK) != 0);
        close(pair.client);
        close(pair.server);
        closed.ring();
        go.wait();
    });
    int theirs[5];
    CHECK(read(numbers[0], theirs, sizeof(theirs)) == sizeof(theirs));
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    CHECK(pidfd >= 0);
    int ours[5];
    for (int i = 0; i < 5; ++i) {
        ours[i] = take(pidfd, theirs[i]);
        CHECK(ours[i] >= 0 && fcntl(ours[i], F_GETFD) == FD_CLOEXEC);
    }
    CHECK_FAILS(take(pidfd, 500), EBADF);
    CHECK(fcntl(ours[1], F_SETFL, O_RDWR | O_NONBLOCK) == 0);
    taken.ring();
    closed.wait();
    hear(ours[1], "said before");
    CHECK(fcntl(ours[1], F_SETFL, O_RDWR) == 0);
    talk(ours[0], ours[1]);
    go.ring();
    expect_success(child);
    CHECK_FAILS(take(pidfd, theirs[2]), ESRCH);
    talk(ours[0], ours[1]);
    const int client = connected_to(name_of(ours[2]));
    const int server = accept(ours[2], nullptr, nullptr);
    talk(client, server);
    const sockaddr_in address = name_of(ours[3]);
    const int rival = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_FAILS(bind(rival, generic(address), sizeof(address)), EADDRINUSE);
    CHECK(sendto(rival, "x", 1, 0, generic(address), sizeof(address)) == 1);
    hear(ours[3], "x");
    CHECK(write(ours[4], "x", 1) == 1);
    CHECK(close(ours[0]) == 0);
    hear_end(ours[1]);
}
