// SPDX-License-Identifier: GPL-2.0
// A bad pointer given to a call is EFAULT, also for a program that handles SIGSEGV itself, before or after its first
// socket; and its own faults still reach its handler.
#include <setjmp.h>
#include <signal.h>
#include <sys/uio.h>

#include "check.h"

static sigjmp_buf back;
static volatile sig_atomic_t faults;
static void* volatile nowhere = reinterpret_cast<void*>(16);  // volatile: or the compiler objects, rightly

static void install() {
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t*, void*) {
        faults = faults + 1;
        siglongjmp(back, 1);
    };
    action.sa_flags = SA_SIGINFO;
    struct sigaction old {};
    CHECK(sigaction(SIGSEGV, &action, nullptr) == 0);
    CHECK(sigaction(SIGSEGV, nullptr, &old) == 0 && old.sa_sigaction == action.sa_sigaction);
}

static void fault_myself() {
    const int before = faults;
    if (sigsetjmp(back, 1) == 0) {
        *static_cast<volatile int*>(nowhere) = 1;
    }
    CHECK(faults == before + 1);
}

static void give_bad_pointers(const Pair& pair) {
    const int before = faults;
    void* const bad = nowhere;
    CHECK_FAILS(write(pair.client, bad, 5), EFAULT);
    CHECK_FAILS(sendmsg(pair.client, static_cast<msghdr*>(bad), 0), EFAULT);
    CHECK(write(pair.client, "x", 1) == 1);
    CHECK_FAILS(read(pair.server, bad, 5), EFAULT);
    socklen_t len = 4;
    CHECK_FAILS(getsockopt(pair.client, SOL_SOCKET, SO_TYPE, bad, &len), EFAULT);
    CHECK_FAILS(connect(pair.client, static_cast<sockaddr*>(bad), 16), EFAULT);
    CHECK(faults == before);
    char byte;
    CHECK(read(pair.server, &byte, 1) == 1);
}

int main() {
    install();
    fault_myself();
    const Pair pair;
    give_bad_pointers(pair);
    fault_myself();
    install();
    give_bad_pointers(pair);
    fault_myself();
    signal(SIGSEGV, SIG_DFL);
    give_bad_pointers(pair);
}
