// SPDX-License-Identifier: GPL-2.0
// A handler that leaves by siglongjmp out of every blocked call; each time the thread and the socket go on as before.
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

#include <functional>
#include <initializer_list>

#include "check.h"

static sigjmp_buf back;

static void jump_out_of(const std::function<long()>& call) {
    static int round;
    for (round = 0; round < 4; ++round) {
        if (sigsetjmp(back, 1) == 0) {
            const itimerval soon{{0, 0}, {0, 4000}};
            CHECK(setitimer(ITIMER_REAL, &soon, nullptr) == 0);
            const long result = call();
            fprintf(stderr, "a call came back with %ld\n", result);
            _exit(1);
        }
    }
}

static void talk(const Pair& pair) {
    char byte = 0;
    CHECK(write(pair.client, "x", 1) == 1 && read(pair.server, &byte, 1) == 1 && byte == 'x');
}

int main() {
    static const Pair pair, full(kSmallBuffers);
    static char byte;
    static const int listening = listener();
    static const int epoll = epoll_create1(0);
    static int ends[2];
    CHECK(pipe(ends) == 0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
    fill(full.client);
    struct sigaction action {};
    action.sa_handler = [](int) { siglongjmp(back, 1); };
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &action, nullptr) == 0);

    const std::initializer_list<std::function<long()>> calls = {
        [] { return recv(pair.server, &byte, 1, MSG_PEEK); },
        [] { return accept(listening, nullptr, nullptr); },
        [] { return write(full.client, &byte, 1); },
        [] {
            pollfd entry{pair.server, POLLIN, 0};
            return poll(&entry, 1, -1);
        },
        [] {
            pollfd entries[2] = {{pair.server, POLLIN, 0}, {ends[0], POLLIN, 0}};
            return poll(entries, 2, 5000);
        },
        [] {
            fd_set set;
            FD_ZERO(&set);
            FD_SET(pair.server, &set);
            return select(pair.server + 1, &set, nullptr, nullptr, nullptr);
        },
        [] {
            sigset_t none;
            sigemptyset(&none);
            pollfd entry{pair.server, POLLIN, 0};
            return ppoll(&entry, 1, nullptr, &none);
        },
        [] {
            epoll_event got{};
            return epoll_wait(epoll, &got, 1, -1);
        },
        [] { return read(ends[0], &byte, 1); },
    };
    for (const auto& call : calls) {
        jump_out_of(call);
        talk(pair);
        sigset_t now;
        CHECK(sigprocmask(SIG_SETMASK, nullptr, &now) == 0 && sigismember(&now, SIGALRM) == 0);
    }
}
