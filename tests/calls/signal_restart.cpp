// SPDX-License-Identifier: GPL-2.0
// A signal while blocked: EINTR without SA_RESTART, restart with it, never for poll; the handler uses sockets.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>

#include <thread>

#include "check.h"

static int handled;
static int send_from_handler = -1;

static void on_signal(int number, siginfo_t* info, void*) {
    CHECK(number == SIGUSR1 && info->si_pid == getpid());
    ++handled;
    if (send_from_handler >= 0) {
        CHECK(write(send_from_handler, "h", 1) == 1);
    }
}

static void install(int flags) {
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | flags;
    struct sigaction old {};
    CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
    CHECK(sigaction(SIGUSR1, nullptr, &old) == 0);
    constexpr int kRestorer = 0x04000000; /* libc's business */
    CHECK(old.sa_sigaction == on_signal && (old.sa_flags & ~kRestorer) == (SA_SIGINFO | flags));
}

/// Runs `call` while a signal comes to this thread.
template <typename Call>
static void interrupted(Call call) {
    const pthread_t self = pthread_self();
    handled = 0;
    std::thread sender([self] {
        sleep_ms(50);
        pthread_kill(self, SIGUSR1);
    });
    call();
    CHECK(handled == 1);
    sender.join();
}

int main() {
    const Pair pair;
    char byte = 0;
    install(0);
    interrupted([&] { CHECK_FAILS(read(pair.server, &byte, 1), EINTR); });
    const int listening = listener();
    interrupted([&] { CHECK_FAILS(accept(listening, nullptr, nullptr), EINTR); });
    interrupted([&] {
        pollfd entry{pair.server, POLLIN, 0};
        CHECK_FAILS(poll(&entry, 1, 5000), EINTR);
    });

    install(SA_RESTART);
    int ends[2];
    CHECK(pipe(ends) == 0);
    interrupted([&] {
        pollfd entries[2] = {{pair.server, POLLIN, 0}, {ends[0], POLLIN, 0}};
        CHECK_FAILS(poll(entries, 2, -1), EINTR);
    });
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    interrupted([&] { CHECK_FAILS(epoll_wait(epoll, &event, 1, 5000), EINTR); });
    timeval limit{5, 0};
    CHECK(setsockopt(pair.server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
    interrupted([&] { CHECK_FAILS(recv(pair.server, &byte, 1, 0), EINTR); });
    limit = timeval{0, 0};
    CHECK(setsockopt(pair.server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);

    send_from_handler = pair.client;  // ends the read that its signal interrupted
    interrupted([&] { CHECK(read(pair.server, &byte, 1) == 1 && byte == 'h'); });
    interrupted([&] { CHECK(recv(pair.server, &byte, 1, 0) == 1 && byte == 'h'); });
}
