// SPDX-License-Identifier: GPL-2.0
// Writing to a broken connection: EPIPE, and SIGPIPE unless MSG_NOSIGNAL; by write, send, sendmsg and writev.
#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "check.h"

static volatile sig_atomic_t pipes;

int main() {
    signal(SIGPIPE, [](int) { pipes = pipes + 1; });
    const Pair pair;
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    iovec vector{const_cast<char*>("x"), 1};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    CHECK_FAILS(send(pair.client, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(pipes == 0);
    CHECK_FAILS(write(pair.client, "x", 1), EPIPE);
    CHECK(pipes == 1);
    CHECK_FAILS(send(pair.client, "x", 1, 0), EPIPE);
    CHECK(pipes == 2);
    CHECK_FAILS(sendmsg(pair.client, &message, 0), EPIPE);
    CHECK(pipes == 3);
    CHECK_FAILS(writev(pair.client, &vector, 1), EPIPE);
    CHECK(pipes == 4);
    signal(SIGPIPE, SIG_IGN);
    CHECK_FAILS(write(pair.client, "x", 1), EPIPE);
    CHECK(pipes == 4);
}
