// SPDX-License-Identifier: GPL-2.0
// SIGPIPE goes to the thread that wrote, by every call that can write; blocked it stays pending; MSG_NOSIGNAL and a
// receiving call never raise it; its default action ends the process.
#include <pthread.h>
#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <thread>

#include "check.h"

static volatile sig_atomic_t pipes;
static pthread_t expected;

/// The call must fail with EPIPE and raise SIGPIPE in this very thread, once.
template <typename Call>
static void expect_signal(Call call) {
    const int before = pipes;
    CHECK_FAILS(call(), EPIPE);
    CHECK(pipes == before + 1);
}

static void every_call(int fd) {
    char byte = 'x';
    iovec vector{&byte, 1};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    mmsghdr batch{message, 0};
    expect_signal([&] { return write(fd, &byte, 1); });
    expect_signal([&] { return writev(fd, &vector, 1); });
    expect_signal([&] { return pwritev2(fd, &vector, 1, -1, 0); });
    expect_signal([&] { return send(fd, &byte, 1, 0); });
    expect_signal([&] { return sendto(fd, &byte, 1, 0, nullptr, 0); });
    expect_signal([&] { return sendmsg(fd, &message, 0); });
    expect_signal([&] { return sendmmsg(fd, &batch, 1, 0); });
    const int before = pipes;
    CHECK_FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
    CHECK_FAILS(sendmsg(fd, &message, MSG_NOSIGNAL), EPIPE);
    CHECK_FAILS(sendmmsg(fd, &batch, 1, MSG_NOSIGNAL), EPIPE);
    CHECK(pipes == before);
}

static void blocked(int fd) {
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
    const int before = pipes;
    CHECK_FAILS(write(fd, "x", 1), EPIPE);
    CHECK(pipes == before && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1);
    const timespec none{0, 0};
    CHECK(sigtimedwait(&set, nullptr, &none) == SIGPIPE);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0 && pipes == before);
}

/// Its default action: the process ends by it.
static void by_default() {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        send(fd, "x", 1, 0);  // ENOTCONN: no signal
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
            _exit(1);
        }
        close(ends[1]);
        send(ends[0], "x", 1, 0);
        _exit(2);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

int main() {
    struct sigaction action {};
    action.sa_handler = [](int) {
        CHECK(pthread_equal(pthread_self(), expected) != 0);
        pipes = pipes + 1;
    };
    CHECK(sigaction(SIGPIPE, &action, nullptr) == 0);
    const Pair pair;
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    expected = pthread_self();
    every_call(pair.client);
    blocked(pair.client);
    std::thread other([&] {
        expected = pthread_self();
        every_call(pair.client);
    });
    other.join();
    by_default();
}
