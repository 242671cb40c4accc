// SPDX-License-Identifier: GPL-2.0
// Children that do nothing but calls on a socket, killed with SIGKILL by their parent at any moment, by their number,
// by their process group, by pidfd_send_signal and by tgkill: the parent goes on with the same sockets each time.
#include <signal.h>
#include <sys/syscall.h>

#include "children.h"

constexpr int kRounds = 20;

pid_t busy_child(int fd, const Bell& ready, pid_t group) {
    return in_child([&] {
        CHECK(setpgid(0, group) == 0);
        ready.ring();
        for (;;) {
            int type = 0;
            socklen_t len = sizeof(type);
            CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM);
        }
    });
}

int main() {
    close_inherited();
    limit_time();
    const Pair pair;
    for (int round = 0; round < kRounds; ++round) {
        const Bell ready;
        const pid_t first = busy_child(pair.client, ready, 0);
        ready.wait();
        const pid_t second = busy_child(pair.client, ready, first);
        ready.wait();
        sleep_ms(round % 5);
        if (round % 2 == 0) {
            CHECK(kill(-first, SIGKILL) == 0);
        } else {
            CHECK(kill(second, SIGKILL) == 0);
            talk(pair.client, pair.server);
            CHECK(kill(first, SIGKILL) == 0);
        }
        expect_signal(first, SIGKILL);
        expect_signal(second, SIGKILL);
        talk(pair.client, pair.server);
        CHECK(kill(-first, SIGKILL) == -1 && errno == ESRCH);
    }
    for (int round = 0; round < kRounds; ++round) {
        const Bell ready;
        const pid_t child = busy_child(pair.client, ready, 0);
        ready.wait();
        sleep_ms(round % 5);
        if (round % 2 == 0) {
            const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
            CHECK(pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) == 0);
            close(pidfd);
        } else {
            CHECK(syscall(SYS_tgkill, child, child, SIGKILL) == 0);
        }
        expect_signal(child, SIGKILL);
        talk(pair.client, pair.server);
    }
    CHECK(kill(getpid(), 0) == 0);
    child_does([] {
        const pid_t child = in_child([] { kill(getpid(), SIGKILL); });
        expect_signal(child, SIGKILL);
    });
    talk(pair.client, pair.server);
}
