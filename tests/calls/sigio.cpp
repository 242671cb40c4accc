// SPDX-License-Identifier: GPL-2.0
// O_ASYNC: SIGIO for a socket that becomes readable, writable, or has a connection; by F_SETSIG another signal that
// tells the descriptor and the event; to a thread by F_SETOWN_EX; none once it is off.
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

#include <thread>

#include "check.h"

static volatile sig_atomic_t count;
static siginfo_t last;
static pthread_t receiver;

static void on_signal(int, siginfo_t* info, void*) {
    last = *info;
    receiver = pthread_self();
    count = count + 1;
}

static void await_signal(int before) {
    for (int ms = 0; count == before && ms < 3000; ++ms) {
        sleep_ms(1);
    }
    CHECK(count > before);
}

static void plain_signal() {
    const Pair pair;
    CHECK(fcntl(pair.server, F_SETOWN, getpid()) == 0);
    CHECK(fcntl(pair.server, F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
    int before = count;
    CHECK(write(pair.client, "x", 1) == 1);
    await_signal(before);
    CHECK(last.si_signo == SIGIO);
    char byte;
    CHECK(read(pair.server, &byte, 1) == 1);
    before = count;
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    await_signal(before);
    CHECK(fcntl(pair.server, F_SETFL, 0) == 0);
}

static void connection_signal() {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    int on = 1, pid = getpid();
    CHECK(ioctl(listening, FIOSETOWN, &pid) == 0 && ioctl(listening, FIOASYNC, &on) == 0);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    const int before = count;
    CHECK(connect(client, generic(address), sizeof(address)) == 0);
    await_signal(before);
    CHECK(accept(listening, nullptr, nullptr) >= 0);
}

static void chosen_signal() {
    const int fd = bound(SOCK_DGRAM);
    const sockaddr_in address = name_of(fd);
    const int sender = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(fcntl(fd, F_SETSIG, SIGRTMIN + 3) == 0 && fcntl(fd, F_SETOWN, getpid()) == 0);
    CHECK(fcntl(fd, F_SETFL, O_ASYNC) == 0);
    int before = count;
    CHECK(sendto(sender, "x", 1, 0, generic(address), sizeof(address)) == 1);
    await_signal(before);
    CHECK(last.si_signo == SIGRTMIN + 3 && last.si_fd == fd && last.si_code == POLL_IN);
    CHECK((last.si_band & POLLIN) != 0);
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    before = count;
    CHECK(sendto(sender, "x", 1, 0, generic(address), sizeof(address)) == 1);
    sleep_ms(30);
    CHECK(count == before);
}

static void to_one_thread() {
    const Pair pair;
    std::thread other([&] {
        const f_owner_ex me{F_OWNER_TID, gettid()};
        CHECK(fcntl(pair.server, F_SETOWN_EX, &me) == 0 && fcntl(pair.server, F_SETFL, O_ASYNC) == 0);
        const int before = count;
        CHECK(write(pair.client, "x", 1) == 1);
        await_signal(before);
        CHECK(pthread_equal(receiver, pthread_self()) != 0);
        CHECK(fcntl(pair.server, F_SETFL, 0) == 0);
    });
    other.join();
}

/// A blocked signal waits for sigwaitinfo(), as servers built on it do.
static void waited_for() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 4);
    CHECK(sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
    const Pair pair;
    CHECK(fcntl(pair.server, F_SETSIG, SIGRTMIN + 4) == 0 && fcntl(pair.server, F_SETOWN, getpid()) == 0);
    CHECK(fcntl(pair.server, F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
    CHECK(write(pair.client, "x", 1) == 1);
    siginfo_t info{};
    const timespec limit{3, 0};
    do {
        CHECK(sigtimedwait(&set, &info, &limit) == SIGRTMIN + 4);
    } while ((info.si_band & POLLIN) == 0);
    CHECK(info.si_fd == pair.server);
}

int main() {
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    CHECK(sigaction(SIGIO, &action, nullptr) == 0 && sigaction(SIGRTMIN + 3, &action, nullptr) == 0);
    plain_signal();
    connection_signal();
    chosen_signal();
    to_one_thread();
    waited_for();
}
