// SPDX-License-Identifier: GPL-2.0
// What the programs about several processes share: children that cannot hang, and words between two ends.
#pragma once

#include <sys/wait.h>

#include "check.h"

/// Ends a process that hangs, with a signal its parent sees. Not inherited: each process asks for its own.
inline void limit_time() { alarm(20); }

/// Does `work` in a child, which then ends with status 0. Returns the child.
template <typename Work>
pid_t in_child(Work&& work) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        limit_time();
        work();
        _exit(0);
    }
    return pid;
}

inline void expect_success(pid_t pid) {
    int status = 0;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

inline void expect_signal(pid_t pid, int signal) {
    int status = 0;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signal);
}

/// Does `work` in a child and waits for it.
template <typename Work>
void child_does(Work&& work) {
    expect_success(in_child(work));
}

inline void say(int fd, const char* text) {
    const auto len = static_cast<ssize_t>(strlen(text));
    CHECK(write(fd, text, static_cast<size_t>(len)) == len);
}

inline void hear(int fd, const char* text) {
    char buffer[256];
    const size_t len = strlen(text);
    CHECK(len <= sizeof(buffer));
    for (size_t got = 0; got < len;) {
        const ssize_t more = read(fd, buffer + got, len - got);
        CHECK(more > 0);
        got += static_cast<size_t>(more);
    }
    CHECK(memcmp(buffer, text, len) == 0);
}

inline void hear_end(int fd) {
    char byte;
    CHECK(read(fd, &byte, 1) == 0);
}

/// Both directions of a connection work.
inline void talk(int one, int other) {
    say(one, "there");
    hear(other, "there");
    say(other, "and back");
    hear(one, "and back");
}

inline int connected_to(const sockaddr_in& address) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, generic(address), sizeof(address)) == 0);
    return fd;
}

/// One process waits until another rings. Kept in a pipe, so that who rings first is not lost.
class Bell {
public:
    Bell() { CHECK(pipe(ends_) == 0); }
    void ring() const { say(ends_[1], "!"); }
    void wait() const { hear(ends_[0], "!"); }
    /// In the only process that waits: a ringer that has died is then seen as a failed check.
    void only_wait() { CHECK(close(ends_[1]) == 0); }

private:
    int ends_[2];
};
