// SPDX-License-Identifier: GPL-2.0
// clone(2) with a stack of the caller's: as fork does it, and as vfork does it, in the caller's memory. The child uses
// and makes sockets; the caller's are as they were. And fork, vfork and clone by number, past libc.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <vector>

#include "children.h"

static const Pair* shared;
static int file;
static volatile int written = 0;

static int copied_memory(void*) {
    limit_time();
    written = 1;
    talk(shared->client, shared->server);
    CHECK(close(shared->client) == 0);
    const Pair own;
    talk(own.client, own.server);
    return 0;
}

/// Runs in its parent's memory while the parent waits: only system calls.
static int same_memory(void*) {
    written = 2;
    if (close(shared->client) != 0 || dup2(shared->server, file) != file ||
        write(shared->server, "by the child", 12) != 12) {
        _exit(1);
    }
    return 0;
}

static void with_a_stack() {
    std::vector<char> stack(1 << 20);
    char* top = stack.data() + stack.size();
    expect_success(clone(copied_memory, top, SIGCHLD, nullptr));
    CHECK(written == 0);
    talk(shared->client, shared->server);

    expect_success(clone(same_memory, top, CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr));
    CHECK(written == 2);
    hear(shared->client, "by the child");
    int type = 0;
    socklen_t len = sizeof(type);
    CHECK_FAILS(getsockopt(file, SOL_SOCKET, SO_TYPE, &type, &len), ENOTSOCK);
    CHECK(write(file, "x", 1) == 1);
    talk(shared->client, shared->server);
}

template <typename Call>
static void by_number(Call call) {
    const long pid = call();
    CHECK(pid >= 0);
    if (pid == 0) {
        limit_time();
        talk(shared->client, shared->server);
        const Pair own;
        talk(own.client, own.server);
        CHECK(close(shared->server) == 0);
        _exit(0);
    }
    expect_success(static_cast<pid_t>(pid));
    talk(shared->client, shared->server);
}

int main() {
    close_inherited();
    limit_time();
    const Pair pair;
    shared = &pair;
    file = open("/dev/null", O_RDWR);
    with_a_stack();
    by_number([] { return syscall(SYS_fork); });
    by_number([] { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); });
    by_number([] {
        clone_args arguments{};
        arguments.exit_signal = SIGCHLD;
        return syscall(SYS_clone3, &arguments, sizeof(arguments));
    });
}
