// SPDX-License-Identifier: GPL-2.0
// A fork that the kernel refuses leaves nothing: the parent's sockets are its alone, as before, and the next fork
// works.
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "children.h"

static void expect_sole_owner(const Pair& pair) {
    talk(pair.client, pair.server);
    CHECK(close(pair.server) == 0);
    hear_end(pair.client);
    CHECK(close(pair.client) == 0);
}

int main() {
    close_inherited();
    limit_time();
    for (int round = 0; round < 20; ++round) {
        const Pair first;
        CHECK_FAILS(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, nullptr, nullptr, nullptr, nullptr), EINVAL);
        expect_sole_owner(first);
        const Pair second;
        clone_args arguments{};
        arguments.flags = CLONE_INTO_CGROUP;
        arguments.exit_signal = SIGCHLD;
        arguments.cgroup = 1000;
        CHECK_FAILS(syscall(SYS_clone3, &arguments, sizeof(arguments)), EBADF);
        CHECK_FAILS(syscall(SYS_clone3, &arguments, 8), EINVAL);
        CHECK_FAILS(syscall(SYS_clone3, nullptr, sizeof(arguments)), EFAULT);
        expect_sole_owner(second);
        const Pair third;
        child_does([&] { talk(third.client, third.server); });
        arguments = clone_args{};
        int pidfd = -1;
        arguments.flags = CLONE_PIDFD;
        arguments.pidfd = reinterpret_cast<__u64>(&pidfd);
        arguments.exit_signal = SIGCHLD;
        const long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
        CHECK(pid >= 0);
        if (pid == 0) {
            talk(third.client, third.server);
            _exit(0);
        }
        siginfo_t info{};
        CHECK(waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) == 0 && info.si_status == 0);
        CHECK(close(pidfd) == 0);
        expect_sole_owner(third);
    }
}
