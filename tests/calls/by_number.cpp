// SPDX-License-Identifier: GPL-2.0
// libc's syscall() reaches the same sockets; other numbers, and calls that return twice, still work through it.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

int main() {
    const int receiver = static_cast<int>(syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0));
    CHECK(receiver >= 0);
    sockaddr_in address = loopback();
    socklen_t len = sizeof(address);
    CHECK(syscall(SYS_bind, receiver, &address, len) == 0);
    CHECK(syscall(SYS_getsockname, receiver, &address, &len) == 0);
    const int sender = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(syscall(SYS_sendto, sender, "x", 1L, 0, &address, len) == 1);
    char byte;
    CHECK(read(receiver, &byte, 1) == 1 && byte == 'x');
    CHECK_FAILS(syscall(SYS_recvfrom, receiver, &byte, 1L, MSG_DONTWAIT, nullptr, nullptr), EAGAIN);
    CHECK(syscall(SYS_close, receiver) == 0);
    CHECK_FAILS(read(receiver, &byte, 1), EBADF);
    CHECK(syscall(SYS_getpid) == getpid());
    CHECK_FAILS(syscall(SYS_openat, AT_FDCWD, "/nonexistent", O_RDONLY), ENOENT);

    const long pid = syscall(SYS_fork);
    if (pid == 0) {
        syscall(SYS_exit_group, 7);
    }
    int status = 0;
    CHECK(waitpid(static_cast<pid_t>(pid), &status, 0) == pid && WEXITSTATUS(status) == 7);
}
