// SPDX-License-Identifier: GPL-2.0
// exit() while other threads are blocked on sockets: the process ends, promptly, with its status, and no blocked
// call comes back to the program.
#include <sys/epoll.h>
#include <sys/wait.h>

#include <thread>

#include "check.h"

int main() {
    static const Pair pair;
    static const int listening = listener();
    std::thread([] {
        char byte;
        const ssize_t got = read(pair.server, &byte, 1);
        fprintf(stderr, "read came back with %zd\n", got);
        _exit(1);
    }).detach();
    std::thread([] {
        const int fd = accept(listening, nullptr, nullptr);
        fprintf(stderr, "accept came back with %d\n", fd);
        _exit(1);
    }).detach();
    std::thread([] {
        const int epoll = epoll_create1(0);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLRDHUP;
        epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event);
        const int got = epoll_wait(epoll, &event, 1, -1);
        fprintf(stderr, "epoll_wait came back with %d\n", got);
        _exit(1);
    }).detach();
    sleep_ms(100);
    alarm(5);  // the promptness
    exit(0);
}
